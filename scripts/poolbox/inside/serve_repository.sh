#!/bin/sh
# Runs as root in the container of the servers. Arguments: the host's /cvmfs, a repository, mksquashfs's options.
# Makes the repository's contents, mounts them, and comes back as soon as they are there; /run/REPOSITORY.pid is the
# server's.
set -e
top=$1
repository=$2
shift 2
tree=/srv/$repository
if ! [ -d "$tree" ]; then
    mkdir -p "$tree"
    echo "$repository" > "$tree/hello"
    if [ "$repository" = singularity.opensciencegrid.org ]; then
        mkdir "$tree/htc"
        cp -r /usr/share/ospool-ep/tiny "$tree/htc/rocky:9"
    fi
fi
rm -f "/srv/$repository.sqfs"
mksquashfs "$tree" "/srv/$repository.sqfs" -all-root -no-progress -quiet "$@" >/dev/null
mkdir -p "$top/$repository"
# As CernVM-FS does: everybody may look, and modes count
setsid squashfuse_ll -f -o ro,allow_other,default_permissions "/srv/$repository.sqfs" "$top/$repository" \
    </dev/null >"/run/$repository.log" 2>&1 &
echo $! > "/run/$repository.pid"
until grep -q " $top/$repository fuse" /proc/mounts; do
    kill -0 $! 2>/dev/null || { cat "/run/$repository.log" >&2; exit 1; }
    sleep 0.05
done
