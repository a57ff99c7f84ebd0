# shellcheck shell=bash
# Background services of one stack: started once, found again by pid file, stopped by it. Sourced after paths.sh.

RUN=$STACK_STATE/run
LOGS=$STACK_STATE/logs
STOP_SECONDS=35
READY_SECONDS=60

# run_locked SCRIPT ARGUMENT...: one command at a time may change a stack. No child keeps the lock by inheriting it.
run_locked() {
  local status=0
  mkdir -p "$STACK_STATE"
  STACK_LOCKED=1 flock --nonblock --close --conflict-exit-code 75 "$STACK_STATE/lock" "$@" || status=$?
  ((status != 75)) || die "another make up or make down is at work in $STACK_STATE"
  exit "$status"
}

# A pid alone could be somebody else's by now, so the process's start time (in clock ticks since boot) stands beside it.
# A zombie has ended.
process_started_at() { awk '{ sub(/.*\) /, ""); if ($1 != "Z") print $20 }' "/proc/$1/stat" 2>/dev/null || true; } # PID

service_pid() { # NAME
  local pid started_at
  read -r pid started_at 2>/dev/null <"$RUN/$1.pid" || return 1
  [[ -n $started_at && $(process_started_at "$pid") == "$started_at" ]] || return 1
  echo "$pid"
}

service_stop() { # NAME
  local pid deadline=$((SECONDS + STOP_SECONDS))
  if pid=$(service_pid "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    while service_pid "$1" >/dev/null; do
      if ((SECONDS >= deadline)); then
        say "$1 did not end within $STOP_SECONDS s and is killed"
        kill -KILL "$pid" 2>/dev/null || true
      fi
      sleep 0.05
    done
  fi
  rm -f "$RUN/$1.pid" "$RUN/$1.fingerprint"
}

# service_start NAME FINGERPRINT COMMAND...: nothing happens when it runs already with the same fingerprint, which
# stands for everything it was started from. Prints nothing of the environment, which holds secrets.
service_start() {
  local name=$1 fingerprint pid
  fingerprint=$(sha256sum <<<"$2" | cut -d' ' -f1)
  shift 2
  if service_pid "$name" >/dev/null && [[ $(cat "$RUN/$name.fingerprint" 2>/dev/null) == "$fingerprint" ]]; then
    return
  fi
  service_stop "$name"
  mkdir -p "$RUN" "$LOGS"
  # Whatever else the caller has open (make's pipes, a lock) must not stay open in a process that outlives it.
  (
    for descriptor in /proc/"$BASHPID"/fd/*; do
      descriptor=${descriptor##*/}
      ((descriptor <= 2 || descriptor == 255)) || eval "exec $descriptor>&-"
    done
    exec setsid "$@" </dev/null >>"$LOGS/$name.log" 2>&1
  ) &
  pid=$!
  echo "$pid $(process_started_at "$pid")" >"$RUN/$name.pid"
  echo "$fingerprint" >"$RUN/$name.fingerprint"
}

# service_wait NAME CURL_ARGUMENT...: until the answer is 2xx, the process ends, or READY_SECONDS have passed.
service_wait() {
  local name=$1 deadline=$((SECONDS + READY_SECONDS))
  shift
  until curl --silent --fail --max-time 2 --output /dev/null "$@"; do
    if ! service_pid "$name" >/dev/null; then
      tail -n 20 "$LOGS/$name.log" >&2
      die "$name ended while starting; its log is $LOGS/$name.log"
    fi
    ((SECONDS < deadline)) || die "$name is not ready after $READY_SECONDS s; its log is $LOGS/$name.log"
    sleep 0.1
  done
}
