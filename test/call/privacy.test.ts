/**
 * A bridged call has two sides that know nothing of each other: no identifier, tag, branch, address or port of one side may show up
 * in anything the other side receives, however the call goes. Each side has a loopback address of its own here, so that an address
 * that leaks is seen; the search is for plain strings over everything SIPp received.
 */
import { need } from '../support/peers';
import { ScriptedPhone } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { Server, type Account } from '../support/server';
import type { SippMessage } from '../support/sipp';
import { Stage, staged } from '../support/stage';

const CALLER_ADDRESS = '127.0.0.2';
const CALLEE_ADDRESS = '127.0.0.3';

let suite: Stage;
let server: Server;
let numbers = 4000;

async function newcomer(): Promise<Account & { server: string }> {
  return { ...(await server.add(String(++numbers))), server: server.address };
}

interface Pair {
  caller: ScriptedPhone;
  callee: ScriptedPhone;
  number: string;
  callerSdp: (version?: number) => string;
  calleeSdp: (version?: number) => string;
}

async function pair(stage: Stage): Promise<Pair> {
  const [first, second] = await Promise.all([newcomer(), newcomer()]);
  const [callerPort, calleePort] = [await stage.port(), await stage.port()];
  return {
    caller: await ScriptedPhone.make(stage, { ...first, address: CALLER_ADDRESS }),
    callee: await ScriptedPhone.registered(stage, { ...second, address: CALLEE_ADDRESS }),
    number: second.user,
    callerSdp: (version = 1) => sdp({ port: callerPort, address: CALLER_ADDRESS, origin: 'callersorigin', version }),
    calleeSdp: (version = 1) => sdp({ port: calleePort, address: CALLEE_ADDRESS, origin: 'calleesorigin', version }),
  };
}

/** What identifies a side in the messages it sent, by kind. */
function identifiersOf(sent: SippMessage[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const note = (kind: string, values: Iterable<string | undefined>): void => {
    const known = found.get(kind) ?? new Set<string>();
    for (const value of values) if (value !== undefined) known.add(value);
    found.set(kind, known);
  };
  const own = sent.filter(({ direction }) => direction === 'sent').map(({ text }) => text);
  for (const text of own) {
    note('address', [/^c=IN IP4 (\S+)/m.exec(text)?.[1], /^Contact: <sip:[^@]*@([\d.]+)/m.exec(text)?.[1]]);
    note('SIP port', [/^Contact: <sip:[^@]*@[\d.]+(:\d+)/m.exec(text)?.[1]]);
    note('media port', [/^m=audio (\d+ )/m.exec(text)?.[1]]);
    note('origin', [/^o=(\S+)/m.exec(text)?.[1]]);
    // A response carries the other side's Via and tags back: only requests tell the sender's own.
    const request = !text.startsWith('SIP/2.0');
    note('branch', request ? [/^Via: .*branch=([^;\s]+)/m.exec(text)?.[1]] : []);
    note('tag', [/^(?:From|To): .*;tag=(\d+calle[re]\d+)/m.exec(text)?.[1]]);
  }
  return found;
}

function leaks(identifiers: Map<string, Set<string>>, others: SippMessage[]): string[] {
  const received = others.filter(({ direction }) => direction === 'received').map(({ text }) => text);
  return [...identifiers].flatMap(([kind, values]) =>
    [...values].flatMap((value) => received.filter((text) => text.includes(value)).map((text) => `${kind} ${value} in: ${text.split('\r\n')[0]}`)),
  );
}

function callIds(messages: SippMessage[]): Set<string> {
  return new Set(messages.map(({ text }) => /^Call-ID: (\S+)/m.exec(text)?.[1] ?? '?'));
}

/** Both ways: nothing of either side in what the other one received; call-ids of the two sides have nothing in common. */
function expectStrangers(callerSide: SippMessage[], calleeSide: SippMessage[]): void {
  const callerIs = identifiersOf(callerSide);
  const calleeIs = identifiersOf(calleeSide);
  for (const [kind, values] of [...callerIs, ...calleeIs]) {
    // An empty set would make the search below pass for nothing.
    if (!(kind === 'branch' && values.size === 0)) expect([kind, values.size]).not.toEqual([kind, 0]);
  }
  expect(leaks(callerIs, calleeSide)).toEqual([]);
  expect(leaks(calleeIs, callerSide)).toEqual([]);
  const shared = [...callIds(callerSide)].filter((id) => calleeSide.some(({ text }) => text.includes(id)));
  expect(shared).toEqual([]);
}

need('sipp')('neither side of a call sees the other', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { settings: { 'call.ringSeconds': 2 } });
  }, 30_000);
  afterAll(() => suite.close());
  const shared = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged<[]>> => staged(body, { suite: () => suite });

  test('answered, session changed and hung up by the caller', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp, calleeSdp } = await pair(stage);
    const called = await callee.expects('callee-is-reinvited', { sdp: calleeSdp(), sdp2: calleeSdp(2) });
    const calling = await caller.calls(number, 'caller-reinvites', { sdp: callerSdp(), sdp2: callerSdp(2), talkMs: 200 });
    const [callerEnd, calleeEnd] = await Promise.all([calling.finished(), called.finished()]);
    expect([callerEnd.code, calleeEnd.code]).toEqual([0, 0]);
    expectStrangers(callerEnd.messages, calleeEnd.messages);
  }));

  test('answered, session changed and hung up by the called side', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp, calleeSdp } = await pair(stage);
    const called = await callee.expects('callee-reinvites', { sdp: calleeSdp(), sdp2: calleeSdp(2), talkMs: 200 });
    const calling = await caller.calls(number, 'caller-is-reinvited', { sdp: callerSdp(), sdp2: callerSdp(2) });
    const [callerEnd, calleeEnd] = await Promise.all([calling.finished(), called.finished()]);
    expect([callerEnd.code, calleeEnd.code]).toEqual([0, 0]);
    expectStrangers(callerEnd.messages, calleeEnd.messages);
  }));

  test('cancelled while it rings', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp } = await pair(stage);
    const called = await callee.expects('callee-is-cancelled');
    const calling = await caller.calls(number, 'caller-gives-up', { sdp: callerSdp() });
    const [callerEnd, calleeEnd] = await Promise.all([calling.finished(), called.finished()]);
    expect([callerEnd.code, calleeEnd.code]).toEqual([0, 0]);
    expect(leaks(identifiersOf(callerEnd.messages), calleeEnd.messages)).toEqual([]);
    expect(leaks(identifiersOf(calleeEnd.messages), callerEnd.messages)).toEqual([]);
  }));

  test('refused', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp } = await pair(stage);
    const called = await callee.expects('callee-refuses', { status: '486 Busy Here' });
    const calling = await caller.calls(number, 'caller-is-refused', { sdp: callerSdp(), final: 486 });
    const [callerEnd, calleeEnd] = await Promise.all([calling.finished(), called.finished()]);
    expect([callerEnd.code, calleeEnd.code]).toEqual([0, 0]);
    expect(leaks(identifiersOf(callerEnd.messages), calleeEnd.messages)).toEqual([]);
    expect(leaks(identifiersOf(calleeEnd.messages), callerEnd.messages)).toEqual([]);
  }));
});
