# SPDX-License-Identifier: MIT
# Completion of hostingpictl for bash.

# The options of guard, whose name is word $1; behind them a command with its own completion.
_hostingpictl_guard() {
	local current=${COMP_WORDS[COMP_CWORD]} i

	for ((i = $1 + 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--min-headroom | --max-wait | --max-pause | --state) ((i++)) ;;
		--) ((i++)) && break ;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i < COMP_CWORD)); then
		declare -F _command_offset >/dev/null && _command_offset "$i"
		return
	fi
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--state) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	--min-headroom | --max-wait | --max-pause) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -c -W '--min-headroom --max-wait --max-pause --state
			--quiet --verbose --help' -- "$current")
		;;
	esac
}

_hostingpictl() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' words='--socket --json --help --version' i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket | --reason | --count | -n | --config | -c | --prefix | --id | --timeout) ((i++)) ;;
		-*) ;;
		*) command=${COMP_WORDS[i]} && break ;;
		esac
	done
	COMPREPLY=()
	if [[ $command == guard ]]; then
		_hostingpictl_guard "$i"
		return
	fi
	case $previous in
	--socket | --config | -c)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--reason | --count | -n | --prefix | --id | --timeout)
		return
		;;
	esac
	case $command in
	'') words+=' status watch drain ready forget post guard' ;;
	watch) words+=' -n --count --mqtt -c --config --prefix' ;;
	forget) words+=' --id --dry-run --force -c --config --prefix' ;;
	drain) words+=' --reason' ;;
	post) words+=' --wait --timeout' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _hostingpictl hostingpictl
