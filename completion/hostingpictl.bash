# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of hostingpictl for bash.

# The readings of which the agent keeps a course; what it says is no shell text before it is cleaned.
_hostingpictl_series()
{
	hostingpictl ${1:+--socket "$1"} --json history 2>/dev/null |
		sed -n 's/.*"name":[[:space:]]*"\([^"]*\)".*/\1/p' | tr -cd 'a-z0-9_.\n'
}

# The command behind "guard" completes as it would alone: from word $1 on.
_hostingpictl_guarded()
{
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif ((COMP_CWORD == $1)); then
		mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
	else
		compopt -o default 2>/dev/null
	fi
}

_hostingpictl()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' socket='' words='--socket --json --help --version' i
	local commands='status watch history events drain ready post guard check limits forget handover help'

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket | --reason | --count | -n | --config | -c | --prefix | --id | --timeout | \
			--span | --for | --rehearse | --port | --min-headroom | --max-wait | \
			--max-pause | --state)
			# bash makes a word of its own of the "=" between them.
			[[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))
			[[ ${COMP_WORDS[i]} == --socket || ${COMP_WORDS[i - 1]} == --socket ]] &&
				socket=${COMP_WORDS[i + 1]}
			((i++))
			;;
		--)
			[[ $command == guard ]] && _hostingpictl_guarded $((i + 1)) && return
			;;
		-*) ;;
		*)
			[[ $command == guard ]] && _hostingpictl_guarded "$i" && return
			[[ -z $command || $command == help ]] && command=${COMP_WORDS[i]}
			;;
		esac
	done
	COMPREPLY=()
	[[ $current == '=' ]] && current=''
	[[ $previous == '=' ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
	case $previous in
	--socket | --config | -c | --state)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--span) words='hour day' ;;
	--for) words='10m 1h 1d' ;;
	--rehearse) words='30s 60s 5m' ;;
	--port) words='80 443 80,443' ;;
	--reason | --count | -n | --prefix | --id | --timeout | --min-headroom | --max-wait | \
		--max-pause)
		return
		;;
	*)
		case $command in
		'') words+=" $commands" ;;
		help) words+=" $commands" ;;
		watch) words+=' -n --count --mqtt -c --config --prefix' ;;
		history)
			words+=' --span'
			[[ $current == -* ]] || words+=" $(_hostingpictl_series "$socket")"
			;;
		events) words+=' -n --count' ;;
		drain) words+=' --reason --for --rehearse --port' ;;
		ready) words+=' --reason' ;;
		post) words+=' --wait --timeout' ;;
		guard)
			words='--min-headroom --max-wait --max-pause --state --quiet --verbose --help --'
			[[ $current == -* ]] || {
				_hostingpictl_guarded "$COMP_CWORD"
				return
			}
			;;
		check)
			words='--keepalived --nagios --soft --timeout --json --help'
			[[ $current == -* ]] || words+=" $(compgen -A hostname)"
			;;
		limits) words+=' apache php-fpm nginx' ;;
		forget) words+=' --id --dry-run --force -c --config --prefix' ;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _hostingpictl hostingpictl
