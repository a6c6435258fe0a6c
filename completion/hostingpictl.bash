# SPDX-License-Identifier: MIT
# Completion of hostingpictl for bash.

_hostingpictl() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' words='--socket --json --help --version' i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket | --reason | --count | -n | --timeout) ((i++)) ;;
		-*) ;;
		*) command=${COMP_WORDS[i]} && break ;;
		esac
	done
	COMPREPLY=()
	case $previous in
	--socket)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--reason | --count | -n | --timeout)
		return
		;;
	esac
	case $command in
	'') words+=' status watch drain ready post' ;;
	watch) words+=' -n --count' ;;
	drain) words+=' --reason' ;;
	post) words+=' --wait --timeout' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _hostingpictl hostingpictl
