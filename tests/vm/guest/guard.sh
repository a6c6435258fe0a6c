#!/bin/sh
# SPDX-License-Identifier: MIT
#
# guard.sh GROUP: halts a process group while the agent says that memory is short.
group=$1
halted=
while kill -0 "-$group" 2>/dev/null; do
	state=$(/payload/hostingpictl status --json |
		sed -n 's/.*"state":[[:space:]]*"\([a-z]*\)".*/\1/p' | head -n 1)
	case $state in
	shed | hard)
		[ -n "$halted" ] || echo "LAB-GUARD halt"
		halted=yes
		kill -STOP "-$group"
		;;
	*)
		[ -z "$halted" ] || echo "LAB-GUARD go"
		kill -CONT "-$group"
		halted=
		;;
	esac
	usleep 500000
done
