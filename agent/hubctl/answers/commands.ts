import type { CommandError } from '../../contract/command.ts';
import type { WifiChangeResult } from '../../contract/wifi.ts';
import type { CommandReport } from '../../control/api.ts';
import type { FieldProblem } from '../../system/errors.ts';
import type { Answer } from '../cli/client.ts';
import { answerOf } from './answer.ts';
import { byWord, listOf, NUMBER, OBJECT, objectOf, orNull, TEXT } from './shapes.ts';

const ERROR = objectOf<CommandError>(
  { code: TEXT, message: TEXT },
  { details: listOf(objectOf<FieldProblem>({ field: TEXT, message: TEXT }, {})) },
);

/** A command of the journal. */
export const REPORT = objectOf<CommandReport>(
  {
    id: TEXT,
    intake: TEXT,
    command: TEXT,
    status: orNull(TEXT),
    stage: TEXT,
    receivedAt: NUMBER,
    finishedAt: orNull(NUMBER),
    outcome: orNull(
      byWord(
        'status',
        { SUCCEEDED: { type: 'object', properties: { result: OBJECT, error: ERROR }, required: ['result'] } },
        { type: 'object', properties: { error: ERROR }, required: ['error'] },
      ),
    ),
  },
  { answered: orNull(objectOf<NonNullable<CommandReport['answered']>>({ status: TEXT, code: orNull(TEXT) }, {})) },
);

/** The journal. */
export const commandsAnswer: Answer<{ commands: CommandReport[] }> = answerOf(
  objectOf<{ commands: CommandReport[] }>({ commands: listOf(REPORT) }, {}),
);

/** What comes while a command runs. */
export interface RunMessage {
  /** A sign of life. */
  waiting?: true;
  report?: CommandReport;
}

const reportAnswer = answerOf<CommandReport>(REPORT);

/** A line of a command that runs. */
export const runAnswer: Answer<RunMessage> = (value) =>
  (value as { waiting?: unknown } | null)?.waiting === true ? { waiting: true } : { report: reportAnswer(value) };

/** The result of a command of which nothing has to be known. */
export const anyResult: Answer<Record<string, unknown>> = answerOf(OBJECT);

/** The result of a change of the Wi-Fi. What an older agent did not have may be absent. */
export const wifiChangeAnswer: Answer<Omit<WifiChangeResult, 'ipv6' | 'security'> & { ipv6?: string | null }> = answerOf(
  objectOf<Omit<WifiChangeResult, 'ipv6' | 'security'> & { ipv6?: string | null }>(
    { ssid: TEXT, previousSsid: orNull(TEXT), ipv4: orNull(TEXT), signalDbm: orNull(NUMBER), durationMs: orNull(NUMBER) },
    { ipv6: orNull(TEXT) },
  ),
);
