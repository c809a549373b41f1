// The program: a small server of the contract, correct or with one fault, for tests of the suite.

import { RealClock } from './clock.js';
import { Core } from './core.js';
import { withFault } from './faults.js';
import { TASK_ID, functions } from './fixtures.js';
import { USAGE, parseFlags } from './flags.js';
import { createHttpServer, createSpearHttpServer, listen } from './http.js';
import { age, profile } from './profiles.js';
import { Service } from './service.js';
import { bind, createServer, hostOf, portOf } from './transport.js';

const SHUTDOWN_MS = 500; // for answers that are being sent

async function main(flags) {
  const clock = new RealClock();
  const { policies } = flags;
  const core = new Core({ clock, functions, limits: flags.limits, policies });
  core.addTask({ taskId: TASK_ID, taskName: TASK_ID });
  const settings = { syncTimeoutMs: flags.syncTimeoutMs, endpointBase: '', policies };
  const service = withFault(flags.fault, new Service(core, clock, settings), core);

  const { server, health, serviceNames } = createServer(
    flags.spear === null
      ? profile(flags.profile, service, core)
      : age(flags.spear, flags.spearSettings),
    flags,
  );
  const addresses = [];
  for (const address of flags.listen) addresses.push(await bind(server, address));
  if (flags.http !== null) {
    const http = flags.spear === null ? createHttpServer(service) : createSpearHttpServer();
    const address = await listen(http, hostOf(flags.http), portOf(flags.http));
    settings.endpointBase = `http://${address}`;
    addresses.push(settings.endpointBase);
  }
  // All addresses are served before the first is printed: a client may call at once.
  for (const address of addresses) console.log(`listening on ${address}`);

  let stopping = false;
  const stop = async () => {
    if (stopping) process.exit(0);
    stopping = true;
    for (const name of ['', ...serviceNames]) health.setStatus(name, 'NOT_SERVING');
    await core.drain(flags.limits.graceMs);
    const deadline = setTimeout(() => server.forceShutdown(), SHUTDOWN_MS);
    await new Promise((resolve) => {
      server.tryShutdown(resolve);
    });
    clearTimeout(deadline);
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

try {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.help) {
    process.stdout.write(USAGE);
  } else {
    main(flags).catch((error) => {
      console.error(error.message);
      process.exit(1);
    });
  }
} catch (error) {
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = 2;
}
