/** `choria broker server request ...`: what brokers answer to one request of the system account, as JSON. */
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {ask, json} from './broker-server-ask.ts';
import {serverFilters} from './broker-server-report-run.ts';
import {isGiven, numberFlag, textFlag} from './network.ts';

type Runner = (context: CliContext, parsed: ParsedArguments) => Promise<number>;

function runRequest(name: string, page: string, options: (parsed: ParsedArguments) => object = () => ({})): Runner {
  return (context, parsed) =>
    withBroker(context, parsed, {
      systemCommand: `server request ${name}`,
      run: async ({connection}) => {
        const wait = parsed.arguments['wait'];
        const answers = await ask(context, connection, {
          subject: `$SYS.REQ.SERVER.PING.${page}`,
          body: {
            limit: numberFlag(parsed, 'limit') ?? 2048,
            offset: numberFlag(parsed, 'offset') ?? 0,
            ...options(parsed),
            ...serverFilters(parsed),
          },
          expected: typeof wait === 'number' ? wait : undefined,
        });
        if (answers.length === 0) throw new CliError('ERR_CLI_FAILED', 'no broker answered');
        for (const {server, body} of answers) context.stdout.write(json({server, data: body}));
        return 0;
      },
    });
}

const states: Readonly<Record<string, number>> = {open: 0, closed: 1, all: 2};

function given(parsed: ParsedArguments, flag: string, name: string): object {
  const value = textFlag(parsed, flag);
  return value === undefined ? {} : {[name]: value};
}

export const runRequestVariables = runRequest('variables', 'VARZ');
export const runRequestRoutes = runRequest('routes', 'ROUTEZ');
export const runRequestGateways = runRequest('gateways', 'GATEWAYZ');
export const runRequestLeafnodes = runRequest('leafnodes', 'LEAFZ');
export const runRequestAccounts = runRequest('accounts', 'ACCOUNTZ', (parsed) => given(parsed, 'account', 'account'));
export const runRequestSubscriptions = runRequest('subscriptions', 'SUBSZ', (parsed) => ({
  subscriptions: isGiven(parsed, 'detail'),
  ...given(parsed, 'filter-account', 'account'),
  ...given(parsed, 'filter-subject', 'test'),
}));
export const runRequestConnections = runRequest('connections', 'CONNZ', (parsed) => {
  const cid = numberFlag(parsed, 'filter-cid');
  return {
    auth: true,
    sort: textFlag(parsed, 'sort') ?? 'cid',
    subscriptions: isGiven(parsed, 'subscriptions'),
    state: states[textFlag(parsed, 'filter-state') ?? 'open'] ?? 0,
    ...(cid === undefined ? {} : {cid}),
    ...given(parsed, 'filter-user', 'user'),
    ...given(parsed, 'filter-account', 'acc'),
    ...given(parsed, 'filter-subject', 'filter_subject'),
  };
});

export function runBrokerKick(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const cid = Number(parsed.arguments['client']);
  const id = String(parsed.arguments['server']);
  if (!/^[A-Za-z0-9_-]+$/.test(id)) {
    throw new CliError('ERR_CLI_VALUE', `cannot use ${JSON.stringify(id)} as the id of a broker`);
  }
  return withBroker(context, parsed, {
    systemCommand: 'server request kick',
    run: async ({connection}) => {
      const [answer] = await ask(context, connection, {
        subject: `$SYS.REQ.SERVER.${id}.KICK`,
        body: {cid},
        expected: 1,
      });
      const problem = answer?.body['description'];
      if (answer === undefined || typeof problem === 'string') {
        const why = typeof problem === 'string' ? problem : `no broker has the id ${JSON.stringify(id)}`;
        throw new CliError('ERR_CLI_FAILED', `could not close connection ${cid}: ${why}`);
      }
      context.stdout.write(`Closed connection ${cid}\n`);
      return 0;
    },
  });
}
