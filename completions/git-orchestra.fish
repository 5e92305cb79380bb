# fish completion for git orchestra and its programs.
# It calls the binaries: GIT_ORCHESTRA_ASK=complete git orchestra INDEX WORD...

function __git_orchestra_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l name (string replace -r '.*/' '' -- $words[1])
	set -e words[1]
	set -l sub (string match -r -g '^git-orchestra-(.+)$' -- $name)
	test -n "$sub"; and set words $sub $words
	GIT_ORCHESTRA_ASK=complete git orchestra (count $words) git-orchestra $words 2>/dev/null
end

for program in git-orchestra git-orchestra-spawn git-orchestra-plan git-orchestra-run git-orchestra-decide git-orchestra-send git-orchestra-designer git-orchestra-spec git-orchestra-mcp git-orchestra-pause git-orchestra-resume git-orchestra-attach git-orchestra-rewind git-orchestra-stop git-orchestra-tag git-orchestra-slot git-orchestra-status git-orchestra-ui git-orchestra-web git-orchestra-logs git-orchestra-inbox git-orchestra-diff git-orchestra-blame git-orchestra-collect git-orchestra-worktrees git-orchestra-sessions git-orchestra-compare git-orchestra-try git-orchestra-review git-orchestra-merge-ranked git-orchestra-undo git-orchestra-cleanup git-orchestra-sync git-orchestra-pr git-orchestra-init git-orchestra-config git-orchestra-doctor
	complete --keep-order --exclusive --command $program --arguments '(__git_orchestra_complete)'
end
