import type { Manifest } from './manifest.ts';
import { FACTORY, type Installed, type RefusalReason, type ReleasesState } from './state.ts';

/** What of a hub decides whether a release may be installed on it. */
export interface ReleaseHub {
  state: ReleasesState;
  /** The release of the Debian package, and the system contract that the package brings. */
  factory: { sequence: number; system: number };
  /** As Debian names it. */
  arch: string;
  /** Null: the hub has no readable identity. */
  model: string | null;
}

/** A release that is to be installed. */
export interface Offer {
  /** Which request it is: the job and its execution number, or a local one. */
  attempt: string;
  /** Null: it could not be read. */
  manifest: Manifest | null;
  /** By a key that this hub trusts. */
  signed: boolean;
}

/** So often is one release tried, by all attempts together. */
const MAX_TRIALS = 3;

/** What runs while there is no trial: a package that is newer, or whose contract is older than the release needs, wins. */
export function committed({ state, factory }: Pick<ReleaseHub, 'state' | 'factory'>): Installed {
  const { current } = state;
  return current.sequence > factory.sequence && current.requiresSystem <= factory.system ? current : FACTORY;
}

/** Why a hub takes no such release; null: it does. The updater asks, and before it those who fetch and unpack, so that they do not do it in vain. */
export function refusalOf({ state, factory, ...hub }: ReleaseHub, { attempt, manifest, signed }: Offer): RefusalReason | null {
  if (manifest === null) return 'manifest_invalid';
  if (!signed) return 'bad_signature';
  const { sequence, arch, models, requiresSystem, minimumFrom = 0 } = manifest;
  if (arch !== hub.arch) return 'wrong_arch';
  if (models.length > 0 && (hub.model === null || !models.includes(hub.model))) return 'wrong_model';
  if (requiresSystem > factory.system) return 'system_too_old';
  if (sequence <= Math.max(state.highest, state.current.sequence, factory.sequence)) return 'older_sequence';
  if (Math.max(committed({ state, factory }).sequence, factory.sequence) < minimumFrom) return 'from_too_old';
  const tried = state.bad.filter((each) => each.sequence === sequence);
  if (tried.length >= MAX_TRIALS || tried.some((each) => each.attempt === attempt)) return 'rolled_back_before';
  return state.trial === null ? null : 'update_running';
}
