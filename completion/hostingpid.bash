# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completion for hostingpid.

_hostingpid()
{
	local word=${COMP_WORDS[COMP_CWORD]}
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-c | --config | --replay) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--root) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	-l | --log-level)
		mapfile -t COMPREPLY < <(compgen -W 'error warning notice info debug' -- "$word")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--doctor --test --once --json --defaults --replay --config
			--root --dry-run --log-level --version --help' -- "$word")
		;;
	esac
}
complete -o filenames -F _hostingpid hostingpid
