#!/bin/sh
# Takes one still from a camera and hands it in. Prints the edge's answer, 201 if the still is there
# to stay. If the camera gives no picture, nothing is handed in and the status is not 0.
#
#   CAMERA=rtsp://192.0.2.7/stream CREDENTIAL=ec1.… docs/hand-in.sh
#
# EDGE is the edge's address, http://127.0.0.1:8080 unless it is set. By cron, once a minute, with
# the three variables above the line (crontab -e):
#
#   * * * * * /path/of/the/clone/docs/hand-in.sh
set -eu
: "${CAMERA:?is not set: the address of the camera, rtsp://…}"
: "${CREDENTIAL:?is not set: what \`eyesonly camera add\` printed, ec1.…}"
here=$(dirname "$0")
still=$(mktemp)
trap 'rm -f "$still"' EXIT
# Over TCP no packet is lost, and a camera that stays silent for ten seconds is given up.
case $CAMERA in
    rtsp://*) set -- -rtsp_transport tcp -timeout 10000000 ;;
    *) set -- ;;
esac
ffmpeg -nostdin -loglevel error -y "$@" -i "$CAMERA" -frames:v 1 -update 1 -q:v 3 -f image2 "$still"
id=$(python3 "$here/new-id.py")
# The header comes by standard input, so that nobody on this machine reads the credential in `ps`.
printf 'Authorization: Bearer %s' "$CREDENTIAL" |
    curl --no-progress-meter --fail-with-body --write-out '\n%{http_code}\n' --header @- \
        --header 'Content-Type: image/jpeg' --upload-file "$still" \
        "${EDGE:-http://127.0.0.1:8080}/v1/ingest/stills/$id"
