#!/bin/sh
# Boots systemd on a copy of a Debian, in namespaces of its own. Arguments: the Debian, the packages.
#
# What is written goes to memory and is gone with the process; the network is a loopback interface
# that nobody else sees. To be run as: unshare --mount --pid --net --uts --ipc --cgroup --fork
set -eu
debian=$1
packages=$2
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$debian,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
root=/mnt/root
mkdir "$root/packages"
mount --bind "$packages" "$root/packages"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs tmpfs "$root/$folder"; done
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ip link set lo up
hostname roundel-test
export container=roundel-test
# The copy becomes the root of this namespace, not of this process alone: systemd makes namespaces of
# its own for the services that it confines.
cd "$root"
mkdir old
pivot_root . old
exec chroot . sh -c 'umount --lazy /old && exec /lib/systemd/systemd --show-status=false' </dev/null
