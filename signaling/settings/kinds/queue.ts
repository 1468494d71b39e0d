/** Queues: callers wait until somebody is free. */
import { z } from 'zod';
import { label, mailboxIn, number, onward, target } from '../fields';
import { kind } from '../kind';
import { strategy } from './group';

const sound = z.string().max(4096);

export const queue = kind({
  name: 'queue',
  plural: 'queues',
  meaning: 'a number at which callers wait until one of its agents is free',
  key: 'number',
  example: { number: '650', name: 'Support', agents: ['1001'], strategy: 'longest-idle', overflow: 'voicemail:1001' },
  schema: z.object({
    number,
    name: label.default('').describe('What it is called'),
    agents: z.array(target).max(500).default([]).describe('Extensions that are logged in until they log out, in this order'),
    open: z.boolean().default(true).describe('Whether other extensions may log in, too (*50)'),
    strategy: strategy.default('longest-idle').describe('Which of the free agents is called first; with “all” every free one is called at once'),
    weight: z.int().min(0).max(100).default(0).describe('Where agents serve several queues, callers of the heavier one are served first'),
    priorities: z
      .array(z.strictObject({ callers: z.string().regex(/^\+?[0-9*#]{1,32}$/, 'must be the beginning of a number').describe('How their numbers begin'), priority: z.int().min(-100).max(100).describe('Higher ones go first; of others it is 0') }))
      .max(1000)
      .default([])
      .describe('Callers who go ahead of others, or behind them'),
    agentSeconds: z.int().min(1).max(300).default(15).describe('How long an agent is called before it is the next one’s turn'),
    retrySeconds: z.int().min(0).max(300).default(5).describe('How long an agent who did not take a call is left alone'),
    wrapUpSeconds: z.int().min(0).max(3600).default(0).describe('How long an agent is left alone after a call'),
    maxMisses: z.int().min(0).max(100).default(3).describe('Calls not answered in a row after which an agent is paused; 0: never'),
    prefix: label.default('').describe('What agents see before the name of the caller'),
    welcome: sound.nullable().default('default').describe('What is said first: “default”, a WAV file on the server, or null'),
    music: sound.nullable().default('default').describe('What callers hear who wait: “default” is the music on hold, a WAV file or a folder of them, or null'),
    sayPosition: z.boolean().default(true).describe('Whether callers are told their position'),
    sayWait: z.boolean().default(true).describe('Whether callers are told how long it may take'),
    sayEverySeconds: z.int().min(0).max(3600).default(45).describe('How often; 0: never'),
    maxWaitSeconds: z.int().min(1).max(86_400).nullable().default(null).describe('Callers who have waited so long go on to “overflow”'),
    maxLength: z.int().min(1).max(1000).nullable().default(null).describe('When so many wait, others go on to “overflow”'),
    withoutAgents: z.enum(['wait', 'overflow']).default('overflow').describe('What callers do while nobody is logged in'),
    exitKey: z.string().regex(/^[0-9*#]$/, 'must be one key').nullable().default(null).describe('With this key a caller goes on to “overflow”'),
    overflow: onward.nullable().default(null).describe('Where callers go who are not served; null: they are told so, and the call ends'),
    serviceLevelSeconds: z.int().min(1).max(3600).default(20).describe('Calls answered within this time are within the service level'),
  }),
  refers: ({ number: own, overflow }) => mailboxIn('overflow', own, overflow),
  check: ({ number: own, agents, overflow }) => [
    ...(new Set(agents).size < agents.length ? [{ field: 'agents', problem: 'has somebody twice' }] : []),
    ...(overflow === own ? [{ field: 'overflow', problem: 'is the queue itself' }] : []),
  ],
});
