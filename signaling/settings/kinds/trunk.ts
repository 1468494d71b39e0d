/** A way to the outside world: a provider that we register with, or a gateway known by its address. */
import { z } from 'zod';
import { label, name, target } from '../fields';
import { kind } from '../kind';

export const hostPort = z
  .string()
  .max(260)
  .regex(/^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:([1-9]\d{0,4}))?$/i, 'must be a host, or host:port')
  .refine((text) => Number(/:(\d+)$/.exec(text.replace(/^\[.*\]/, ''))?.[1] ?? 1) < 65_536, 'must be a host, or host:port');

const limits = {
  maxCalls: z.int().min(1).max(100_000).optional().describe('Calls at once'),
  callsPerMinute: z.int().min(1).max(100_000).optional().describe('Calls begun in a minute'),
  dailyBudget: z.number().min(0).max(1_000_000_000).optional().describe('What calls may cost in a day (costPerMinute of their routes); a call ends when it is used up'),
};

export const trunk = kind({
  name: 'trunk',
  plural: 'trunks',
  meaning: 'a provider or gateway, over which calls come and go',
  key: 'name',
  example: { name: 'provider', hosts: ['sip.provider.example'], register: true, username: '4930123', password: 'secret' },
  secrets: ['password'],
  schema: z.object({
    name,
    label: label.default('').describe('What people call it'),
    hosts: z.array(hostPort).min(1).max(10).describe('Where it is; when the first does not answer, the next'),
    transport: z.enum(['udp', 'tcp', 'tls']).default('udp').describe('How it is spoken to'),
    register: z.boolean().default(false).describe('Whether we register there, so that it calls us where we are'),
    username: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be printable, without spaces').optional().describe('Our account there'),
    authUsername: z.string().regex(/^[\x20-\x7e]{1,128}$/, 'must be printable').optional().describe('The name for the password, where it is another one'),
    password: z.string().min(1).max(256).optional().describe('Its password'),
    domain: hostPort.optional().describe('The domain of our account; default: the first host'),
    expires: z.int().min(60).max(86_400).default(600).describe('Seconds that a registration is asked for'),
    healthSeconds: z.int().min(0).max(3600).default(30).describe('How often it is asked whether it is there (OPTIONS); 0: never'),
    answerSeconds: z.int().min(1).max(60).default(5).describe('When nothing is heard of a call for so long, the next trunk is tried'),
    sources: z
      .array(z.string().regex(/^[0-9a-f.:]+(\/\d{1,3})?$/i, 'must be an address, or a network such as 192.0.2.0/24'))
      .max(100)
      .default([])
      .describe('Where its calls come from besides its hosts'),
    srtp: z.enum(['off', 'optional', 'required']).default('off').describe('Whether its media is encrypted'),
    send: z.enum(['plus', 'international', 'national', 'digits']).default('plus').describe('How numbers are written to it: +4930…, 004930…, 030…, 4930…'),
    callerId: target.optional().describe('The number that is shown where an extension has none of its own; default: the username'),
    from: z.enum(['callerId', 'username']).default('callerId').describe('What From names: the number that is shown, or our account; the number is in P-Asserted-Identity either way'),
    emergency: z.boolean().default(true).describe('Whether emergency calls may take it'),
    enabled: z.boolean().default(true).describe('Whether it is used'),
    ...limits,
  }),
  check: ({ register, username, password }) => [
    ...(register && username === undefined ? [{ field: 'username', problem: 'is needed to register' }] : []),
    ...(password !== undefined && username === undefined ? [{ field: 'username', problem: 'is needed with a password' }] : []),
  ],
});

export const callClass = z.enum(['local', 'national', 'mobile', 'international', 'service', 'premium']);

/** `0049X.`: digits as they are, X 0-9, Z 1-9, N 2-9, [13-5] one of these; at the end `.` one or more of any, `!` any or none. With + in front: of the number in full. */
export const pattern = z
  .string()
  .max(64)
  .regex(/^(\+)?([0-9*#XZN]|\[[0-9-]+\])*[.!]?$/, 'must be made of digits, X, Z, N, [1-5], and . or ! at the end, with or without + in front')
  .refine((text) => text !== '' && text !== '+', 'must not be empty');

export const route = kind({
  name: 'route',
  plural: 'routes',
  meaning: 'which numbers outside are reached over which trunks, at what cost, and who may call them',
  key: 'name',
  example: { name: 'Germany', patterns: ['+49X.'], trunks: [] },
  schema: z.object({
    name,
    patterns: z.array(pattern).min(1).max(1000).describe('Numbers: 0X. as it is dialled, +49X. of the number in full; X 0-9, Z 1-9, N 2-9, [13-5], . one or more of any, ! any or none'),
    class: callClass.default('national').describe('What extensions need a permission for'),
    trunks: z.array(name).max(20).describe('The first that can is used'),
    costPerMinute: z.number().min(0).max(1_000_000).default(0).describe('Of several routes for a number the cheapest goes first'),
    order: z.int().min(0).max(1_000_000).default(100).describe('Where they cost the same, the lower one goes first'),
    strip: z.int().min(0).max(20).default(0).describe('Digits taken off what was dialled'),
    prepend: z.string().regex(/^\+?[0-9*#]{0,20}$/, 'must be digits').default('').describe('Digits put in front then'),
    enabled: z.boolean().default(true).describe('Whether it is used'),
    ...limits,
  }),
  refers: ({ trunks }) => trunks.map((key, i) => ({ field: `trunks.${i}`, kind: 'trunk', key })),
});

export const inbound = kind({
  name: 'inbound',
  plural: 'inbound',
  meaning: 'where calls from outside go, by the number that was called',
  key: 'name',
  example: { name: 'office', numbers: ['+4930123!'], trunks: [], to: '8000' },
  schema: z.object({
    name,
    numbers: z.array(pattern).min(1).max(1000).describe('Numbers that were called, as for routes'),
    trunks: z.array(name).max(20).default([]).describe('Only when they come over one of these; empty: any'),
    to: z.string().regex(/^(\+?[0-9*#]{1,32}|voicemail:[0-9]{2,15})$/, 'must be a number as it would be dialled, or voicemail:NUMBER').describe('Where they go: a number as it would be dialled, or voicemail:NUMBER'),
    prefix: label.default('').describe('What is shown before the caller’s name'),
    order: z.int().min(0).max(1_000_000).default(100).describe('Where several fit equally well, the lower one counts'),
  }),
  refers: ({ trunks }) => trunks.map((key, i) => ({ field: `trunks.${i}`, kind: 'trunk', key })),
});
