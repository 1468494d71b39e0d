import { closeSync, fstatSync, openSync } from 'node:fs';
import { closeLeftovers, FdLedger, sharedLedger } from '../../../../media/net/fd-ledger';

test('what a thread left open is closed, what it closed is left alone', () => {
  const shared = sharedLedger(4);
  const ledger = new FdLedger(shared);
  const [kept, closed] = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r')];
  ledger.add(kept);
  ledger.remove(ledger.add(closed));
  expect(closeLeftovers(shared)).toBe(1);
  expect(() => fstatSync(kept)).toThrow('EBADF');
  closeSync(closed); // throws if the ledger had closed it
  expect(closeLeftovers(shared)).toBe(0);
});

test('a full ledger says so', () => {
  const ledger = new FdLedger(sharedLedger(2));
  const places = [ledger.add(100), ledger.add(101), ledger.add(102)];
  expect(places[2]).toBe(-1);
  ledger.remove(places[0]!);
  expect(ledger.add(103)).toBe(places[0]);
});
