#!/usr/bin/env python3
"""Prints an id of this moment as a camera makes it: a UUIDv7 (RFC 9562)."""
import os
import time
import uuid

bits = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
bits[6] = bits[6] & 0x0F | 0x70
bits[8] = bits[8] & 0x3F | 0x80
print(uuid.UUID(bytes=bytes(bits)))
