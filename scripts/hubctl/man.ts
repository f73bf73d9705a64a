import type { Command } from '../../agent/hubctl/cli/command.ts';
import { EXIT_CODES_HELP, GLOBAL_OPTIONS_HELP } from '../../agent/hubctl/cli/help.ts';

/** Text as roff: a backslash, a dash and a dot at the beginning of a line have a meaning there (groff_man_style(7)). */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
    .replaceAll('…', '\\[u2026]');
}

function section(command: Command): string {
  const { name, summary, usage, details = [], example } = command;
  const rows = details.map((line) => `.br\n${roff(line.replace(/ {2,}/g, ' '))}`);
  return [
    `.TP`,
    `.B ${roff(`hubctl ${name}`)} ${roff(usage)}`.trimEnd(),
    `${roff(summary)}.`,
    ...rows,
    '.br',
    `Example: ${roff(example)}`,
  ].join('\n');
}

/** The manual page hubctl(1). `date` is ISO 8601, the day of the source. */
export function manPage(commands: readonly Command[], version: string, date: string): string {
  return `.TH HUBCTL 1 "${date}" "hub\\-agent ${version}" "Hub agent"
.SH NAME
hubctl \\- look at and mend a smart\\-lock hub
.SH SYNOPSIS
.B hubctl
.I command
.RI [ options ]
.SH DESCRIPTION
hubctl says what is wrong with a hub and what to do. It asks the running agent over its control socket; without an agent, or with one that
hangs, it shows within 5 seconds what stands on the disk. Start with
.B hubctl status
and
.BR "hubctl doctor" .
.SH COMMANDS
${commands.map(section).join('\n')}
.SH OPTIONS
${GLOBAL_OPTIONS_HELP.map(([name, text]) => `.TP\n.B ${roff(name)}\n${roff(text)}`).join('\n')}
.SH EXIT STATUS
${EXIT_CODES_HELP.map(([code, text]) => `.TP\n.B ${code}\n${roff(text)}`).join('\n')}
.SH ENVIRONMENT
.TP
.B NO_COLOR
No colours, also on a terminal.
.TP
.B COLUMNS
The width, where the terminal does not say it.
.SH FILES
.TP
.I /run/hub\\-agent/control.sock
Reads: HTTP on a Unix socket, for the group hub\\-agent. For example
.B curl \\-\\-unix\\-socket /run/hub\\-agent/control.sock http://hub/v1/status
.TP
.I /run/hub\\-agent/admin.sock
Changes: for root. Each use is logged.
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1),
.BR nmcli (1)
`;
}
