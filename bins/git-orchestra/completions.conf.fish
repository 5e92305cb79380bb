# fish: completion of "git orchestra ..." itself, also after -C, --git-dir and --work-tree, in every version of fish.

function __git_orchestra_from_git
	set -l words (commandline -opc)
	set -e words[1]
	set -l pre
	while set -q words[1]
		switch $words[1]
			case -C --git-dir --work-tree
				set -a pre $words[1..2]
				set -e words[1..2]
			case '--git-dir=*' '--work-tree=*'
				set -a pre $words[1]
				set -e words[1]
			case '-*'
				set -e words[1]
			case '*'
				break
		end
	end
	set -e words[1]
	set -a words (commandline -ct)
	GIT_ORCHESTRA_ASK=complete git $pre orchestra (count $words) git-orchestra $words 2>/dev/null
end

complete -c git -f -n '__fish_git_using_command orchestra' -a '(__git_orchestra_from_git)'
