# bash completion for git orchestra, through git's own completion and for the binaries themselves.
# It calls the binaries: GIT_ORCHESTRA_ASK=complete git orchestra INDEX WORD...

# Completes word INDEX of the WORDs after git orchestra.
__git_orchestra_reply ()
{
	local index=$1 value help
	shift
	local -a pre=( "${__git_C_args[@]}" )
	[ -n "${__git_dir-}" ] && pre+=( --git-dir="$__git_dir" )
	COMPREPLY=()
	while IFS=$'\t' read -r value help; do
		# readline replaces only the text after the last = or :
		[[ $cur == *=* && $value == *=* ]] && value=${value#*=}
		COMPREPLY+=( "$value" )
	done < <(GIT_ORCHESTRA_ASK=complete git "${pre[@]}" orchestra "$index" "$@" 2>/dev/null)
	if (( ${#COMPREPLY[@]} == 1 )) && [[ ${COMPREPLY[0]} != */ && ${COMPREPLY[0]} != *= ]]; then
		compopt +o nospace 2>/dev/null || COMPREPLY[0]+=' '
	fi
}

# Called by git's completion for: git orchestra ...
_git_orchestra ()
{
	local at=${__git_cmd_idx:-1}
	__git_orchestra_reply $((cword - at)) git-orchestra "${words[@]:at+1:cword-at}"
}

# For: git-orchestra ... and git-orchestra-COMMAND ...
__git_orchestra_direct ()
{
	local cur=${COMP_WORDS[COMP_CWORD]} name=${COMP_WORDS[0]##*/}
	local -a __git_C_args=() rest=( "${COMP_WORDS[@]:1:COMP_CWORD}" )
	local __git_dir=
	if [[ $name == git-orchestra ]]; then
		__git_orchestra_reply "$COMP_CWORD" git-orchestra "${rest[@]}"
	else
		__git_orchestra_reply $((COMP_CWORD + 1)) git-orchestra "${name#git-orchestra-}" "${rest[@]}"
	fi
}

complete -o bashdefault -o default -o nospace -F __git_orchestra_direct git-orchestra git-orchestra-spawn git-orchestra-plan git-orchestra-run git-orchestra-decide git-orchestra-send git-orchestra-designer git-orchestra-spec git-orchestra-mcp git-orchestra-pause git-orchestra-resume git-orchestra-attach git-orchestra-rewind git-orchestra-stop git-orchestra-tag git-orchestra-slot git-orchestra-status git-orchestra-ui git-orchestra-web git-orchestra-logs git-orchestra-inbox git-orchestra-diff git-orchestra-blame git-orchestra-collect git-orchestra-worktrees git-orchestra-sessions git-orchestra-compare git-orchestra-try git-orchestra-review git-orchestra-merge-ranked git-orchestra-undo git-orchestra-cleanup git-orchestra-sync git-orchestra-pr git-orchestra-init git-orchestra-config git-orchestra-doctor
