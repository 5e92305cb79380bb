# GIT_DIR names the repository of the agent's worktree, but git would use it in submodules and in other repositories, too.
[ "${GIT_DIR-}" = "$own" ] || exec "$git" "$@"
folder=. value= verb= last=
for word; do
	if [ "$verb" ]; then
		last=$word
		continue
	fi
	case $value in
	folder)
		case $word in
		/*) folder=$word ;;
		*) folder=$folder/$word ;;
		esac
		value=
		continue
		;;
	?*)
		value=
		continue
		;;
	esac
	case $word in
	-C) value=folder ;;
	-c | --attr-source | --config-env | --namespace | --super-prefix) value=other ;;
	--git-dir* | --work-tree* | --bare) exec "$git" "$@" ;;
	-*) ;;
	*) verb=$word ;;
	esac
done
folder=$(cd -- "$folder" 2>/dev/null && pwd -P) || exec "$git" "$@"
at=$folder
until [ "$at" = "$worktree" ] || [ "$at" = "$own" ] || [ -z "$at" ] || [ -e "$at/.git" ] ||
	{ [ -e "$at/HEAD" ] && [ -d "$at/objects" ] && [ -d "$at/refs" ]; }; do
	at=${at%/*}
done
case $verb in
clone) at= ;;
init)
	case $last in
	'' | . | -*) [ "$folder" = "$worktree" ] || at= ;;
	*) at= ;;
	esac
	;;
esac
case $at in
"$worktree" | "$own") ;;
*) unset GIT_DIR ;;
esac
exec "$git" "$@"
