/** Where events are sent, for programs that do not listen all the time. */
import { z } from 'zod';
import { EVENT_NAME } from '../../event-filter';
import { name } from '../fields';
import { kind } from '../kind';

export const webhook = kind({
  name: 'webhook',
  plural: 'webhooks',
  meaning: 'an address that events are sent to',
  key: 'name',
  example: { name: 'crm', url: 'https://crm.example/offhook', events: ['call.ended', 'voicemail'], secrets: ['0123456789abcdef'] },
  secrets: ['secrets'],
  schema: z.object({
    name,
    url: z
      .string()
      .max(2000)
      .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an address that begins with http:// or https://')
      .describe('Where events are posted'),
    events: z.array(z.string().max(64).regex(EVENT_NAME, 'must be an event such as call.ended, or call for all of calls')).max(100).default([]).describe('Which: call.ended, or call for all of calls; none: all but keys that are pressed (dtmf)'),
    tenant: z.string().max(253).optional().describe('Only what happens in this tenant; default: everything'),
    secrets: z.array(z.string().min(16).max(256)).min(1).max(5).describe('What the signature is made with; several while one is exchanged for another'),
    timeoutSeconds: z.int().min(1).max(60).default(10).describe('How long an answer may take'),
    enabled: z.boolean().default(true).describe('Whether events are sent; those of the time it is off are not sent later'),
  }),
  refers: ({ tenant }) => (tenant === undefined ? [] : [{ field: 'tenant', kind: 'tenant', key: tenant }]),
});
