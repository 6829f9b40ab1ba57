#!/bin/sh
# The life of the package on a Debian 12 with systemd, told as commands; the first that fails ends
# it. Run inside of what boot.sh boots; /packages has 1.deb and its successor 2.deb.
set -eu
config=/etc/roundel/roundel.toml

chapter() { echo "== $*"; }
fail() {
  echo "FAILED: $*" >&2
  systemctl status --no-pager --lines 0 roundel >&2
  journalctl --no-pager --lines 50 >&2
  exit 1
}
until_true() {
  for _ in $(seq 150); do if eval "$1"; then return; fi; sleep 0.2; done
  fail "waited in vain until: $1"
}
# The body of what listens on a loopback port.
ask() { perl -MIO::Socket::INET -e '
  my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die "port $ARGV[0]: $!\n";
  print $s "GET $ARGV[1] HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  print <$s>' "$1" "$2"; }
main_pid() { systemctl show --property MainPID --value roundel; }

until_true 'systemctl is-system-running 2>/dev/null | grep -qE "running|degraded"'

chapter installs and starts
dpkg --install /packages/1.deb
[ "$(systemctl is-active roundel)" = active ] || fail "is not active"
[ "$(systemctl is-enabled roundel)" = enabled ] || fail "is not enabled"
ask 8080 / | grep -q 'Roundel works' || fail "does not answer"
[ "$(ask 8090 /readyz | head -1 | cut -d' ' -f2)" = 200 ] || fail "is not ready"
roundel --version
for file in /usr/share/man/man1/roundel.1.gz /usr/share/bash-completion/completions/roundel \
  /usr/share/zsh/vendor-completions/_roundel /usr/share/fish/vendor_completions.d/roundel.fish \
  /usr/share/doc/roundel/copyright /usr/share/doc/roundel/changelog.gz; do
    [ -s "$file" ] || fail "no $file"
done

chapter runs as nobody in particular
[ "$(stat --format %U "/proc/$(main_pid)")" = roundel ] || fail "does not run as its user"
status() { grep "^$1:" "/proc/$(main_pid)/status" | cut -f2; }
[ "$(status CapEff)" = 0000000000000400 ] || fail "has other privileges than binding low ports"
[ "$(status NoNewPrivs)" = 1 ] && [ "$(status Seccomp)" = 2 ] || fail "is not confined"
[ "$(stat --format %U:%a /var/lib/roundel)" = roundel:750 ] || fail "has no state directory"

chapter reloads, and refuses a file with mistakes
before=$(main_pid)
sed -i 's/127.0.0.1:8080/0.0.0.0:80/; s/Roundel works/It still works/' $config
systemctl reload roundel || fail "does not reload"
until_true 'ask 80 / 2>/dev/null | grep -q "It still works"'
cp $config /root/good.toml
echo 'nonsense = 1' >>$config
if systemctl reload roundel 2>/dev/null; then fail "a bad file was taken"; fi
ask 80 / | grep -q 'It still works' || fail "a bad file did harm"
cp /root/good.toml $config
systemctl reload roundel
[ "$(main_pid)" = "$before" ] || fail "a reload is no restart"

chapter is started again when it dies
kill -KILL "$(main_pid)"
runs_anew() { [ "$(main_pid)" != 0 ] && [ "$(main_pid)" != "$before" ] && ask 80 / | grep -q works; }
until_true 'runs_anew 2>/dev/null'

chapter is started again when it hangs
mkdir /etc/systemd/system/roundel.service.d
printf '[Service]\nWatchdogSec=2s\n' >/etc/systemd/system/roundel.service.d/test.conf
systemctl daemon-reload
systemctl restart roundel
before=$(main_pid)
kill -STOP "$before"
until_true 'runs_anew 2>/dev/null'
rm -r /etc/systemd/system/roundel.service.d
systemctl daemon-reload

chapter upgrades, with the configuration kept
before=$(main_pid)
dpkg --install /packages/2.deb
until_true '[ "$(systemctl is-active roundel)" = active ]'
[ "$(main_pid)" != "$before" ] || fail "the old program still runs"
ask 80 / | grep -q 'It still works' || fail "the configuration was not kept"

chapter stays disabled when the administrator says so
systemctl disable --now roundel 2>/dev/null
dpkg --install /packages/2.deb
[ "$(systemctl is-enabled roundel || true)" = disabled ] || fail "was enabled against orders"
systemctl enable --now roundel 2>/dev/null

chapter is removed, with the configuration kept
dpkg --remove roundel
[ -e $config ] || fail "the configuration is gone"
[ ! -e /usr/bin/roundel ] || fail "the program is still there"
if ask 80 / >/dev/null 2>&1; then fail "still answers"; fi

chapter is purged without a trace
dpkg --purge roundel
for left in /etc/roundel /var/lib/roundel /var/log/roundel \
  /etc/systemd/system/multi-user.target.wants/roundel.service /etc/systemd/system/roundel.service; do
  [ ! -e $left ] && [ ! -L $left ] || fail "$left is left behind"
done
if getent passwd roundel >/dev/null; then fail "the user is left behind"; fi
if dpkg --status roundel >/dev/null 2>&1; then fail "dpkg still knows it"; fi

chapter and comes back as if it had never been here
dpkg --install /packages/2.deb
ask 8080 / | grep -q 'Roundel works' || fail "does not answer"
echo 'the end'
