/** Where trouble with room begins: one measure for the status screen and the doctor. */

/** The journal, the node table and an atomic write need little; a system that updates itself needs more. */
const LOW_DISK_BYTES = 50_000_000;
const LOW_DISK_SHARE = 0.05;
const LOW_MEMORY_BYTES = 32_000_000;
const LOW_MEMORY_SHARE = 0.05;

function below(available: number | null, total: number | null, bytes: number, share: number): boolean {
  return available !== null && (available < bytes || (total !== null && available < total * share));
}

/** The disk is nearly full. What is not known is not low. */
export const isDiskLow = (available: number | null, total: number | null): boolean =>
  below(available, total, LOW_DISK_BYTES, LOW_DISK_SHARE);

/** The machine's memory is short. What is not known is not low. */
export const isMemoryLow = (available: number | null, total: number | null): boolean =>
  below(available, total, LOW_MEMORY_BYTES, LOW_MEMORY_SHARE);
