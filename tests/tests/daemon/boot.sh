# Makes the mounts of a test's host: what a program may write is its own, and
# the rest of this machine can only be read. Run as:
# sh boot.sh COLLECT RUN
set -eu

mount -t tmpfs -o mode=755 host /run
mkdir -p /run/memcached /run/systemd/system /run/new/etc /run/new/units
chown memcache: /run/memcached
touch /run/collect /run/run
mount --bind "$1" /run/collect
mount --bind "$2" /run/run
mount -t tmpfs tmp /tmp

# /etc has what every program needs; the test adds the rest.
for name in alternatives group hosts ld.so.cache ld.so.conf ld.so.conf.d \
    nsswitch.conf os-release passwd perl protocols python3 services; do
    [ ! -e "/etc/$name" ] || cp -a "/etc/$name" /run/new/etc/
done
# What firewall managers come with, for the tests that start one.
mkdir -p /run/managers/default
for name in dbus-1 default/ufw firewalld ufw; do
    [ ! -e "/etc/$name" ] || cp -a "/etc/$name" "/run/managers/$name"
done
mkdir -p /run/new/etc/systemd/system
mount --bind /run/new/etc /etc

cat > /run/systemctl
chmod 755 /run/systemctl
mkdir /run/bin
ln -s /run/systemctl /run/bin/systemctl
mount --bind /run/bin /usr/local/sbin
[ ! -e /usr/bin/systemctl ] || mount --bind /run/systemctl /usr/bin/systemctl
cp /usr/lib/systemd/system/memcached.service /run/new/units/
mount --bind /run/new/units /usr/lib/systemd/system

# dpkg can be asked, and what belongs under /var/lib can be put there.
mkdir -p /run/new/lib/dpkg
mount --bind /var/lib/dpkg /run/new/lib/dpkg
mount --rbind /run/new/lib /var/lib
mount -o remount,bind,ro /
