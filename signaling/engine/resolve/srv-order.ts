/** The order in which SRV records are tried (RFC 2782): by priority, among equals by chance in proportion to their weights. */
import type { SrvRecord } from './names';

/** @param chance from 0 (included) to 1 (not included) */
export function srvOrder(records: readonly SrvRecord[], chance: () => number): SrvRecord[] {
  const out: SrvRecord[] = [];
  for (const priority of [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)) {
    const left = records.filter((record) => record.priority === priority);
    while (left.length > 0) {
      // One more for each, so that weight 0 has its "very small chance".
      let at = chance() * left.reduce((sum, { weight }) => sum + weight + 1, 0);
      const found = left.findIndex(({ weight }) => (at -= weight + 1) < 0);
      out.push(...left.splice(found < 0 ? left.length - 1 : found, 1));
    }
  }
  return out;
}
