/**
 * The transcript in the engine's README is what happens: its application's bytes are written to a control port, its network's messages given to
 * the core, and what the engine says has to be the README's, byte for byte. Clock and chance stand still; addresses are those of RFC 5737.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { defaultBacklogOptions } from '../../../signaling/engine/control/backlog';
import { Router } from '../../../signaling/engine/control/router';
import { ControlServer } from '../../../signaling/engine/control/server';
import { silentLog } from '../../../signaling/engine/log';
import { parseMessage } from '../../../signaling/engine/wire/parser';
import type { SipRequest } from '../../../signaling/engine/wire/message';
import { CoreUnderTest, FakeFlow, FakeServerTransaction } from '../../unit/engine/core/fakes';
import { eventually } from '../../support/wait';

type Speaker = 'application' | 'engine' | 'network';

interface Said {
  by: Speaker;
  text: string;
}

const readme = join(__dirname, '../../../signaling/engine/README.md');

/** `>> application`, `<< engine`, `.. network`: what follows is said by that one; lines end with CRLF, the last one does not. */
function readTranscript(): Said[] {
  const block = /^```transcript\n([\s\S]*?)^```$/m.exec(readFileSync(readme, 'utf8'))?.[1] ?? '';
  return block.split(/^(?=(?:>> application|<< engine|\.\. network)\n)/m).map((part) => {
    const end = part.indexOf('\n');
    return { by: part.slice(3, end) as Speaker, text: part.slice(end + 1).replace(/\n$/, '').replace(/\n/g, '\r\n') };
  });
}

class Player {
  private readonly sip = new CoreUnderTest();
  private readonly router = new Router();
  private readonly control: ControlServer;
  private socket: Socket | undefined;
  private heard = '';
  private serial = 0;

  constructor() {
    let random = 1;
    this.control = new ControlServer(
      {
        ...defaultBacklogOptions,
        host: '127.0.0.1',
        port: 0,
        secret: 'cymru',
        handlers: [],
        maxConnections: 1,
        maxOutboundConnections: 0,
        outboundIdleMs: 1,
        maxRoutesPerConnection: 8,
        maxFrameBytes: 65_536,
        maxWriteBufferBytes: 65_536,
        authenticateMs: 1000,
        outbox: { gapMs: 0 },
      },
      {
        clock: this.sip.clock,
        random: (bytes) => Buffer.alloc(bytes, random++),
        log: silentLog,
        core: this.sip.core,
        router: this.router,
        hostports: () => ({ announced: 'tcp/192.0.2.1:5060,udp/192.0.2.1:5060', local: 'tcp/192.0.2.1:5060,udp/192.0.2.1:5060' }),
      },
    );
  }

  async open(): Promise<void> {
    const address = await this.control.listen();
    const socket = connect(address);
    this.socket = socket;
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.on('data', (chunk) => (this.heard += chunk.toString()));
  }

  /** Does what the application or the network does; for the engine, resolves with what it has said when that is `bytes` long. */
  async say({ by, text }: Said): Promise<string> {
    if (by === 'application') this.socket!.write(text);
    else if (by === 'network') this.fromNetwork(text);
    else {
      const bytes = Buffer.byteLength(text);
      await eventually('the engine to speak', () => Buffer.byteLength(this.heard) >= bytes, 1000, 2).catch(() => undefined);
      const said = this.heard.slice(0, text.length);
      this.heard = this.heard.slice(text.length);
      return said;
    }
    return text;
  }

  get unexpected(): string {
    return this.heard;
  }

  async close(): Promise<void> {
    this.socket?.destroy();
    await this.control.close();
  }

  private fromNetwork(text: string): void {
    const { transactions } = this.sip;
    // How a message ends in the README: with the blank line, or with its body.
    const message = parseMessage(Buffer.from(text.includes('\r\n\r\n') ? text : `${text}\r\n\r\n`), { maxMessageBytes: 65_535, maxHeaders: 100 }, { contentLength: 'ignore' });
    const flow = new FakeFlow('udp', '198.51.100.7', 5062);
    if ('status' in message) {
      this.sip.lastSent.handlers.onResponse(message, flow, text.length, false);
      return;
    }
    this.sip.router = this.router.pick(message.method);
    if (message.method === 'ACK') transactions.onAck(message as SipRequest, flow, text.length);
    else transactions.onRequest(new FakeServerTransaction(`s${++this.serial}`, message as SipRequest, flow), message as SipRequest, flow, text.length);
  }
}

test('the transcript in the README', async () => {
  const transcript = readTranscript();
  expect(transcript.filter(({ by }) => by === 'engine').length).toBeGreaterThan(8);
  const player = new Player();
  await player.open();
  const played: Said[] = [];
  try {
    for (const one of transcript) played.push({ by: one.by, text: await player.say(one) });
    expect(played).toEqual(transcript);
    expect(player.unexpected).toBe('');
  } finally {
    await player.close();
  }
});
