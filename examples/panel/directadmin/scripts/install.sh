#!/bin/sh
# DirectAdmin runs this after it has unpacked the plugin.
ldconfig -p | grep -q 'libmemsec\.so\.0' && exit
echo 'Install the C library of memsec first: libmemsec.so.0 is not there.'
exit 1
