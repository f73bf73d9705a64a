import type { Command } from '../../agent/hubctl/cli/command.ts';

const GLOBAL = ['--json', '--help', '--config', '--identity', '--socket'];
const FILES = ['--config', '--identity', '--socket', '--output'];

/** The completion of hubctl for bash, with bash-completion or without. */
export function bashCompletion(commands: readonly Command[], checks: readonly string[]): string {
  const first = [...new Set(commands.map(({ name }) => name.split(' ')[0]!)), 'help'];
  const groups = first.filter((word) => commands.some(({ name }) => name.startsWith(`${word} `)));
  const second = groups.map((group) => {
    const words = commands.flatMap(({ name }) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []));
    return `    ${group}) words="${words.join(' ')}" ;;`;
  });
  const options = commands.map(({ name, options = {}, choices = [] }) => {
    const own = Object.keys(options).map((option) => `--${option}`);
    return `    '${name}') options="${[...own, ...GLOBAL].join(' ')}"; known="${choices.join(' ')}" ;;`;
  });
  return `# bash completion for hubctl
_hubctl() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local first=\${COMP_WORDS[1]} name= words= options= known=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${first.join(' ')} --help --version" -- "$current"))
    return
  fi
  case $previous in
    ${FILES.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --check) COMPREPLY=($(compgen -W "${checks.join(' ')}" -- "$current")); return ;;
    --security) COMPREPLY=($(compgen -W "wpa-psk sae open" -- "$current")); return ;;
    help) COMPREPLY=($(compgen -W "${first.filter((word) => word !== 'help').join(' ')}" -- "$current")); return ;;
  esac
  case $first in
${second.join('\n')}
  esac
  name=$first
  case " $words " in *" \${COMP_WORDS[2]} "*) [ "$COMP_CWORD" -gt 2 ] && name="$first \${COMP_WORDS[2]}" ;; esac
  [ "$COMP_CWORD" -gt 2 ] && words=
  case $name in
${options.join('\n')}
  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words $known" -- "$current")) ;;
  esac
}
complete -F _hubctl hubctl
`;
}
