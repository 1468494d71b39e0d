/** Opening hours, by which menus and calls go one way or another. */
import { z } from 'zod';
import { holidayProblem, weeklyProblem } from '../../opening-hours';
import { label, name, target, timeZone } from '../fields';
import { kind } from '../kind';

const line = (problemOf: (line: string) => string | undefined): z.ZodString =>
  z
    .string()
    .max(200)
    .superRefine((value, context) => {
      const problem = problemOf(value);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    });

export const hours = kind({
  name: 'hours',
  plural: 'hours',
  meaning: 'opening hours, which menus go by',
  key: 'name',
  example: { name: 'office', timeZone: 'Europe/Berlin', weekly: ['mon-fri 09:00-12:00,13:00-17:30'], holidays: ['12-24 09:00-12:00', '12-25..12-26', '2027-01-01'], code: '1' },
  schema: z.object({
    name,
    label: label.default('').describe('What people call them'),
    timeZone: timeZone.describe('In whose time they are, such as Europe/Berlin'),
    weekly: z.array(line(weeklyProblem)).max(50).default([]).describe('Days and times: “mon-fri 09:00-12:00,13:00-17:30”, “fri 22:00-02:00”'),
    holidays: z
      .array(line(holidayProblem))
      .max(500)
      .default([])
      .describe('Days that are different: closed (“12-25” of every year, “2026-12-24..2027-01-06”), or with times of their own (“12-24 09:00-12:00”). The first that fits a day decides'),
    override: z.enum(['open', 'closed']).nullable().default(null).describe('Set by hand: open or closed whatever the times say'),
    code: z
      .string()
      .max(6)
      .regex(/^\d{1,6}$/, 'must be 1 to 6 digits')
      .nullable()
      .default(null)
      .describe('*55 and these digits open and close by hand, and take that back; null: phones cannot'),
    setBy: z.array(target).max(100).default([]).describe('Who may do that; empty: every extension of the tenant'),
  }),
});
