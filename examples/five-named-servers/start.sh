#!/bin/sh
# Starts five named servers; Ctrl-C ends them all.
cd -- "$(dirname -- "$0")" || exit
processes=
end() {
  trap - INT TERM
  # One that has ended already is no error.
  kill $processes 2>/dev/null
  wait
  exit 0
}
trap end INT TERM

start() {
  python server.py "$1" "$2" >/dev/null &
  processes="$processes $!"
  echo "$1 on http://127.0.0.1:$2 (process $!)"
}

start alpha 5001
start bravo 5002
start charlie 5003
start delta 5004
start echo 5005
wait
