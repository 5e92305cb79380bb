#compdef git-orchestra @PROGRAMS@
#description run coding agents side by side in git worktrees
# zsh completion for git orchestra. It calls the binaries: GIT_ORCHESTRA_ASK=complete git orchestra INDEX WORD...

_git-orchestra () {
	local -a ask pre candidates
	local line value help name=${words[1]:t}
	integer at=CURRENT-1
	# git's own _git stores the directory of "git -C" here.
	(( ${+opt_args} )) && [[ -n ${opt_args[-C]} ]] && pre=( -C ${(Q)${~${opt_args[-C]%%:*}}} )
	case $name in
		(git-orchestra-*) ask=( git-orchestra ${name#git-orchestra-} "${(@)words[2,CURRENT]}" ); at+=1 ;;
		(*) ask=( git-orchestra "${(@)words[2,CURRENT]}" ) ;;
	esac
	GIT_ORCHESTRA_ASK=complete git $pre orchestra $at "$ask[@]" 2>/dev/null | while IFS= read -r line; do
		value=${line%%$'\t'*} help=${line#*$'\t'}
		candidates+=( "${value//:/\\:}${help:+:$help}" )
	done
	if (( $#candidates )); then
		_describe -V 'git orchestra' candidates
	else
		_files
	fi
}

_git-orchestra "$@"
