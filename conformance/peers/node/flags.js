// The command line.

import { parseArgs } from 'node:util';

import { faultNames } from './faults.js';
import { policiesOf, policyTexts } from './policies.js';
import { ageNames, profileNames } from './profiles.js';

export const USAGE = `usage: node server.js [FLAG...]
  --listen ADDR        host:port (port 0: any free one) or unix:PATH (default 127.0.0.1:0);
                       may be given several times
  --http ADDR          host:port of the status endpoint (default: not served)
  --slots N            maximum number of running executions (default 4)
  --queue-limit N      maximum number of waiting executions (default 8)
  --grace-ms N         how long a cancelled function may take to stop (default 1000)
  --retention-ms N     how long finished executions stay on record (default 10000)
  --sync-timeout-ms N  timeout of a SYNC call without one (default 30000)
  --max-message N      the largest request, in bytes (default 4194304)
  --profile NAME       ${profileNames.join(' | ')} (default contract)
  --spear AGE          ${ageNames.join(' | ')}: do what the spearlet of that time does, right or
                       wrong, on its wire; --profile, --fault and the limits do not apply
  --takes-ms N         with --spear: how long the task 'sleep' takes (default 2000)
  --instances N        with --spear 2026-01: how many instances a task may have (default 50)
  --lose-every N       with --spear 2026-05: of the ASYNC executions that end at once, every Nth never
                       ends (default 10)
  --policy NAME=VALUE  decide otherwise than by default; may be given several times:
                       ${policyTexts.join('\n                       ')}
  --fault NAME         ${faultNames.join(' | ')} (default: none)
`;

// By flag: default and minimum.
const NUMBERS = {
  slots: [4, 1],
  'queue-limit': [8, 0],
  'grace-ms': [1000, 0],
  'retention-ms': [10_000, 0],
  'sync-timeout-ms': [30_000, 1],
  'max-message': [4_194_304, 1],
  'takes-ms': [2000, 0],
  instances: [50, 1],
  'lose-every': [10, 1],
};

// The settings; throws an Error that lists everything that is wrong with the arguments.
export function parseFlags(args) {
  const options = {
    listen: { type: 'string', multiple: true, default: ['127.0.0.1:0'] },
    http: { type: 'string' },
    profile: { type: 'string', default: 'contract' },
    policy: { type: 'string', multiple: true, default: [] },
    fault: { type: 'string' },
    spear: { type: 'string' },
    help: { type: 'boolean', default: false },
  };
  for (const name of Object.keys(NUMBERS)) options[name] = { type: 'string' };
  const { values } = parseArgs({ args, options });

  const wrong = [];
  const number = (name) => {
    const [fallback, minimum] = NUMBERS[name];
    const text = values[name];
    if (text === undefined) return fallback;
    if (/^\d+$/.test(text) && Number(text) >= minimum) return Number(text);
    wrong.push(`--${name} takes an integer of at least ${minimum}, not '${text}'`);
    return fallback;
  };
  const oneOf = (name, names) => {
    const value = values[name] ?? null;
    if (value !== null && !names.includes(value)) {
      wrong.push(`--${name} is one of ${names.join(', ')}, not '${value}'`);
    }
    return value;
  };
  for (const text of values.policy) {
    if (!policyTexts.includes(text)) {
      wrong.push(`--policy is one of ${policyTexts.join(', ')}, not '${text}'`);
    }
  }
  const address = (name, text) => {
    if (!/^(unix:.+|(\[[^\]]+\]|[^:]+):\d+)$/.test(text)) {
      wrong.push(`--${name} takes host:port, not '${text}'`);
    }
    return text;
  };

  const flags = {
    help: values.help,
    listen: values.listen.map((text) => address('listen', text)),
    http: values.http === undefined ? null : address('http', values.http),
    limits: {
      slots: number('slots'),
      queueLimit: number('queue-limit'),
      graceMs: number('grace-ms'),
      retentionMs: number('retention-ms'),
    },
    syncTimeoutMs: number('sync-timeout-ms'),
    maxMessageBytes: number('max-message'),
    profile: oneOf('profile', profileNames),
    policies: policiesOf(values.policy),
    fault: oneOf('fault', faultNames),
    spear: oneOf('spear', ageNames),
    spearSettings: {
      takesMs: number('takes-ms'),
      instances: number('instances'),
      loseEvery: number('lose-every'),
    },
  };
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return flags;
}
