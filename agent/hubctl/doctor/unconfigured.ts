import { type DoctorContext, type Finding, skipped } from './check.ts';

/** A name at the top of the document, or the document as a whole. */
const TOP = /^[^.[]*$/;

/**
 * That `what`, such as `bus`, is not configured. Where `agent.json` has a problem in this section, or at its top, as a misspelt name of the section is,
 * nobody knows: then it is a consequence of that.
 */
export async function unconfigured({ configFaults, ports }: DoctorContext, section: string, what: string): Promise<Finding> {
  const { problems } = await configFaults();
  const hides = problems.some(
    ({ file, field }) => file === ports.places.configPath && (TOP.test(field) || new RegExp(`^${section}\\b`).test(field)),
  );
  return skipped(hides ? `no ${what} is known, because agent.json has problems: sudo hubctl config check` : `no ${what} is configured`);
}
