import { loadSip } from '../../../client/sip/sip-js';

test('sip.js comes through its door', async () => {
  const sip = await loadSip();
  expect(sip.UserAgent.makeURI('sip:1001@pbx.test')?.toString()).toBe('sip:1001@pbx.test');
});
