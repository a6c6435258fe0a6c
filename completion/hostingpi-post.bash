# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completion for hostingpi-post.

_hostingpi_post()
{
	local word=${COMP_WORDS[COMP_CWORD]}
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-c | --config) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--service) mapfile -t COMPREPLY < <(compgen -W 'x mastodon' -- "$word") ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--config --service --dry-run --version
			--help' -- "$word")
		;;
	esac
}
complete -o filenames -F _hostingpi_post hostingpi-post
