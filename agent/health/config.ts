import { CREDENTIAL_WEIGHTS, type CredentialReason } from '../contract/tls.ts';
import type { FieldProblem } from '../system/errors.ts';
import { type Entry, finder, type HealthFinding } from './finding.ts';
import { CONFIG_CHECK } from './remedies.ts';

/** A problem of a document, or of a file that it names, as the validator of the configuration reports it. */
export interface ConfigFault extends FieldProblem {
  /** The document to change. */
  file: string;
  remedy: string;
  /** What is wrong with certificate, key or authorities; absent: the document itself. */
  reason?: CredentialReason;
}

/** What can be wrong with the configuration. Each reason of the credentials' validator is a code. */
export type ConfigParams = { [Reason in CredentialReason as `credential_${Reason}`]: ConfigFault } & { config_invalid: ConfigFault };

/** The validator knows field, value and file, so the sentence is its own; the catalogue adds what follows from the reason. */
const entry = (severity: Entry<ConfigFault>['severity']): Entry<ConfigFault> => ({
  severity,
  text: ({ file, field, message }) => `${file}${field && `: ${field}`}: ${message}`,
  remedy: ({ remedy }) => remedy,
  next: CONFIG_CHECK,
});

const credentials = Object.fromEntries(
  Object.entries(CREDENTIAL_WEIGHTS).map(([reason, weight]) => [`credential_${reason}`, entry(weight === 'fault' ? 'fail' : 'warn')]),
) as { [Reason in CredentialReason as `credential_${Reason}`]: Entry<ConfigFault> };

export const CONFIG = { ...credentials, config_invalid: entry('fail') };

export type ConfigCode = keyof ConfigParams;
const found = finder<ConfigParams>(CONFIG);

/** A problem or a warning of the configuration. The hub is the subject. */
export const configFinding = (fault: ConfigFault): HealthFinding<ConfigCode> =>
  found(fault.reason === undefined ? 'config_invalid' : `credential_${fault.reason}`, fault);
