#!/usr/bin/env bash
# What the receivers of test/receivers need, into .cache/receivers: rsyslog and syslog-ng from Debian, an OpenTelemetry
# collector built from Go modules, an S3 server from Maven. Says loudly what can't be had here; its tests are skipped.
set -u
cd "$(dirname "$0")/../.." || exit 1
cache=$PWD/.cache/receivers
mkdir -p "$cache"
export DEBIAN_FRONTEND=noninteractive

missing() { printf '\nRECEIVER NOT HERE: %s; its tests are skipped\n\n' "$1"; }
may_install() { command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; }

rsyslog() {
  command -v rsyslogd >/dev/null && [ -n "$(find /usr/lib -name lmnsd_gtls.so -print -quit 2>/dev/null)" ] && return 0
  may_install && apt-get -qq install -y --no-install-recommends rsyslog rsyslog-gnutls >/dev/null 2>&1
}

# Debian lets only one system log be installed: this one is unpacked.
syslog_ng() {
  [ -x "$cache/syslog-ng/usr/sbin/syslog-ng" ] && return 0
  may_install || return 1
  local packages
  packages=$(mktemp -d) || return 1
  (
    cd "$packages" && chmod 755 . &&
      apt-get -qq download syslog-ng-core libivykis0 libnet1 libpcre3 libwrap0 >/dev/null 2>&1 &&
      for package in *.deb; do dpkg -x "$package" "$cache/syslog-ng" || exit 1; done
  )
  local code=$?
  rm -rf "$packages"
  return "$code"
}

collector() {
  local go version
  go=$(command -v go || echo /usr/local/go/bin/go)
  [ -x "$go" ] || return 1
  version=$(cat test/receivers/collector/main.go test/receivers/collector/go.sum | sha256sum | cut -c1-16)
  [ -x "$cache/collector-$version" ] && return 0
  (
    cd test/receivers/collector &&
      timeout 200 "$go" build -trimpath -o "$cache/collector-$version" . >"$cache/collector.log" 2>&1
  )
}

s3() {
  command -v java >/dev/null && command -v mvn >/dev/null || return 1
  [ -s "$cache/s3-classpath.txt" ] && [ "$cache/s3-classpath.txt" -nt test/receivers/s3/pom.xml ] && return 0
  timeout 120 mvn -q -B -f test/receivers/s3/pom.xml dependency:build-classpath \
    -Dmdep.outputFile="$cache/s3-classpath.txt" -Dmdep.includeScope=runtime -Dmdep.regenerateFile=true \
    >"$cache/s3.log" 2>&1
}

if may_install && ! command -v rsyslogd >/dev/null; then apt-get -qq update >/dev/null 2>&1; fi
collector &
building=$!
rsyslog || missing 'rsyslog with GnuTLS (Debian: rsyslog, rsyslog-gnutls)'
syslog_ng || missing 'syslog-ng (Debian: syslog-ng-core)'
s3 || missing 'S3Proxy (Java 17 and Maven)'
wait "$building" || missing 'an OpenTelemetry collector (Go 1.26)'
exit 0
