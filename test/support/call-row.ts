/** The record of a call between two phones. */
import type { CallRow, LegDetails } from '../../signaling/store/store';

export const START = Date.UTC(2026, 0, 1, 10);

const leg = (side: LegDetails['side'], party: string): LegDetails => ({
  side, party, callId: `dialog of ${party}`, address: '192.0.2.7', userAgent: `agent of ${party}`,
  startedAt: START, rangAt: null, answeredAt: START + 2000, endedAt: START + 62_000, cause: 'hung-up', codec: 'PCMU/8000', srtp: null,
  sound: { received: { packets: 3000, lost: 1, late: 0, jitterMs: 1.5, mos: 4.36 }, sent: { packets: 2998, lost: 0, jitterMs: 2, roundTripMs: 12 } },
});

export const callRow = (id: string, more: Partial<CallRow> = {}): CallRow => ({
  id, tenant: '', from: '1001', to: '1002', startedAt: START, answeredAt: START + 2000, endedAt: START + 62_000, cause: 'hung-up', service: null,
  ...more,
  details: {
    fromName: 'Ada', toName: null, endedBy: 'caller', q850: 16, status: null, reason: '1001 hung up', postDialDelayMs: 180, originatedBy: null, parkedBy: null, pickedUpBy: null,
    transferredBy: null, transferredTo: null, forwarded: [], through: null, rung: ['1002'], legs: [leg('caller', '1001'), leg('callee', '1002')], recordings: [],
    ...more.details,
  },
});
