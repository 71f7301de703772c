/**
 * Ruby agents, unchanged, with the MCollective library and the Puppet of Debian: through the shim, and through warm workers. The agents are
 * our own, in the shapes of the well-known ones (agents.md 11).
 */
import {cpSync, existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, describe, expect, test} from 'vitest';
import {type AgentNode, startAgentNode} from '../support/agent-node.ts';

const shim = fileURLToPath(new URL('../../packaging/ruby/choria_mcollective_agent_compat.rb', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures/ruby', import.meta.url));

const nodes: AgentNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

async function startRubyNode(
  settings: Readonly<Record<string, string>> = {},
  prepare: (node: AgentNode) => void = () => undefined,
): Promise<AgentNode> {
  const node = await startAgentNode({
    settings: {
      'plugin.choria.agent_provider.mcorpc.agent_shim': shim,
      'plugin.choria.agent_provider.mcorpc.config': '{root}/shim.cfg',
      ...settings,
    },
  });
  nodes.push(node);
  cpSync(fixtures, join(node.root, 'lib'), {recursive: true});
  mkdirSync(join(node.root, 'state'));
  writeFileSync(join(node.root, 'state/nginx'), 'stopped\n');
  node.write(
    'shim.cfg',
    `libdir = ${node.root}/lib\nidentity = n1.example.net\nloglevel = warn\nplugin.psk = unset\nplugin.service.state = ${node.root}/state\n`,
  );
  node.write('plugin.d/puppet.cfg', `state = ${node.root}/state\n`);
  prepare(node);
  await node.scan();
  return node;
}

/** The processes that hold an agent of this node. */
function workerPids(node: AgentNode): readonly string[] {
  return node.logger.lines
    .map((line) => /Started a worker of agent \w+: process (\d+)/.exec(JSON.stringify(line))?.[1])
    .filter((pid): pid is string => pid !== undefined);
}

const cold = {'plugin.choria.agent_provider.mcorpc.workers': 'false'};

describe.each([
  ['the shim', cold],
  ['warm workers', {}],
])('Ruby agents through %s', (_way, settings) => {
  test('an agent in the shape of service: validators of its own, failures, defaults', async () => {
    const node = await startRubyNode(settings);
    expect(node.registry.names()).toEqual(['package', 'puppet', 'service']);
    expect(await node.call('service', 'status', {service: 'nginx'})).toEqual({
      action: 'status',
      statuscode: 0,
      statusmsg: 'OK',
      data: {status: 'stopped'},
    });
    expect(await node.call('service', 'start', {service: 'nginx'})).toMatchObject({data: {status: 'running'}});
    expect(await node.call('service', 'start', {service: 'nginx'})).toMatchObject({
      statuscode: 1,
      statusmsg: "Could not start service 'nginx': it is running already",
      data: {status: 'running'},
    });
    expect(await node.call('service', 'status', {service: 'no such thing'})).toMatchObject({
      statuscode: 4,
      statusmsg: 'Cannot validate input service: no such thing is not a name of a service',
      data: {status: 'unknown'},
    });
    expect(await node.call('service', 'status', {})).toMatchObject({
      statuscode: 4,
      statusmsg: 'Action status needs a service argument',
    });
    expect(await node.call('service', 'status', {service: 'nginx', process_results: false})).toMatchObject({
      statuscode: 0,
      data: {},
    });
    expect(await node.call('service', 'nope')).toMatchObject({
      statuscode: 2,
      statusmsg: 'Unknown action nope for agent service',
    });
  });

  test('an agent in the shape of package: helpers, run, implemented_by, hooks, output of its own', async () => {
    const node = await startRubyNode(settings);
    expect(await node.call('package', 'status', {package: 'zsh'})).toMatchObject({
      statuscode: 0,
      data: {ensure: '5.9-4', name: 'zsh', output: 'asked by choria=rip.mcollective'},
    });
    expect(await node.call('package', 'install', {package: 'zsh', version: '5.9'})).toMatchObject({
      statuscode: 0,
      data: {ensure: '5.9'},
    });
    expect(JSON.stringify(node.logger.lines)).toContain('installing zsh');
    expect(await node.call('package', 'install', {package: 'zsh; reboot'})).toMatchObject({statuscode: 4});
    expect(await node.call('package', 'count')).toMatchObject({statuscode: 0, data: {output: '42', exitcode: 3}});
    expect(await node.call('package', 'checkupdates')).toMatchObject({
      statuscode: 0,
      data: {outdated_packages: ['zsh'], package_manager: 'test'},
    });
  });

  test('an agent in the shape of puppet: loads Puppet, activation, settings of plugin.d, further inputs', async () => {
    const node = await startRubyNode(settings);
    expect(await node.call('puppet', 'status')).toMatchObject({
      statuscode: 0,
      data: {applying: false, enabled: true, lastrun: 0, message: expect.stringMatching(/^Puppet \d/)},
    });
    expect(await node.call('puppet', 'disable', {message: 'upgrade'})).toMatchObject({
      statuscode: 0,
      data: {status: 'Disabled by choria=rip.mcollective', enabled: false},
    });
    expect(readFileSync(join(node.root, 'state/disabled'), 'utf8')).toBe('upgrade');
    expect(await node.call('puppet', 'status')).toMatchObject({data: {enabled: false}});
    expect(await node.call('puppet', 'resource', {name: 'zsh', type: 'package', ensure: 'present'})).toMatchObject({
      statuscode: 0,
      data: {result: 'Package[zsh]', changed: true},
    });
  });
});

const trouble = `module MCollective
  module Agent
    class Trouble < RPC::Agent
      action("count") { @@count = (defined?(@@count) ? @@count : 0) + 1; ENV["LEFT"] = "x"; Dir.chdir("/"); reply[:text] = @@count.to_s }
      action("noise") { puts "{\\"t\\":\\"reply\\"}" * 3; $stdout.flush; system("echo from a child"); reply[:text] = $stdin.read.to_s }
      action("die") { Process.kill(:KILL, Process.pid); sleep 5 }
      action("exit") { exit!(7) }
      action("fat") { reply[:text] = ("x" * (300 * 1024 * 1024)).size.to_s; sleep 3 }
      action("long") { reply[:text] = "x" * (9 * 1024 * 1024) }
      action("slow") { File.write(request[:text], Process.pid.to_s); run("sleep 60", {}) }
      action("binary") { reply[:text] = "\\xff\\x00".b; reply[:more] = 0.0 / 0 }
      action("version") { reply[:text] = "one" }
    end
  end
end
`;

const troubleDdl = `metadata :name => "trouble", :description => "d", :author => "a", :license => "l", :version => "1.0.0", :url => "u", :timeout => 20
["count", "noise", "die", "exit", "fat", "long", "slow", "binary", "version"].each do |name|
  action name, :description => name do
    input :text, :prompt => "T", :description => "t", :type => :string, :validation => "^.*$", :optional => true, :maxlength => 300
    output :text, :description => "t", :display_as => "T"
  end
end
`;

/** @param seconds what a call of the agent may take; long, as a busy machine starts Ruby slowly */
async function startTrouble(settings: Readonly<Record<string, string>> = {}, seconds = 20): Promise<AgentNode> {
  return startRubyNode(settings, (node) => {
    node.write('lib/mcollective/agent/trouble.ddl', troubleDdl.replace(':timeout => 20', `:timeout => ${seconds}`));
    node.write('lib/mcollective/agent/trouble.rb', trouble);
  });
}

describe('warm Ruby workers', () => {
  test('load the agent once, and no call sees what another left behind', async () => {
    const node = await startTrouble();
    for (let count = 0; count < 5; count++) {
      expect(await node.call('trouble', 'count')).toMatchObject({statuscode: 0, data: {text: '1'}});
    }
    expect(workerPids(node)).toHaveLength(1);
  });

  test('fault 44: what agents and their programs print never gets into a reply', async () => {
    const node = await startTrouble();
    expect(await node.call('trouble', 'noise')).toMatchObject({statuscode: 0, data: {text: ''}});
    expect(JSON.stringify(node.logger.lines)).toContain('from a child');
    expect(await node.call('trouble', 'binary')).toMatchObject({statuscode: 0, data: {more: null}});
  });

  test('fault 44: a call that is killed, exits, or answers too much fails with a word, and the next one works', async () => {
    const node = await startTrouble({'plugin.choria.agent_provider.mcorpc.workers.memory_megabytes': '200'});
    const failures = {
      die: /signal 9/,
      exit: /exit status 7/,
      long: /its reply has \d+ bytes, expected at most/,
      fat: /more than 200 MiB of memory/,
    };
    for (const [action, message] of Object.entries(failures)) {
      const reply = await node.call('trouble', action);
      expect(reply, action).toMatchObject({statuscode: 1, statusmsg: expect.stringMatching(message)});
      expect(reply?.statusmsg).toContain(`Cannot call Ruby action trouble#${action}: `);
      expect(await node.call('trouble', 'version')).toMatchObject({statuscode: 0});
    }
  });

  test('fault 44: a call whose time is over is ended with what it started, and others go on meanwhile', async () => {
    const node = await startTrouble({}, 4);
    const file = join(node.root, 'pid');
    const slow = node.call('trouble', 'slow', {text: file});
    expect(await node.call('trouble', 'version')).toMatchObject({statuscode: 0});
    expect(await slow).toBeUndefined();
    const pid = readFileSync(file, 'utf8');
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    expect(workerPids(node)).toHaveLength(1);
  });

  test('fault 45: many calls at once are all answered', async () => {
    const node = await startTrouble();
    const replies = await Promise.all(Array.from({length: 40}, () => node.call('trouble', 'version')));
    expect(replies.filter((reply) => reply?.statuscode === 0)).toHaveLength(40);
  });

  test('are replaced when a file of the agent changes, and after their calls', async () => {
    const node = await startTrouble({'plugin.choria.agent_provider.mcorpc.workers.calls_max': '3'});
    expect(await node.call('trouble', 'version')).toMatchObject({data: {text: 'one'}});
    writeFileSync(join(node.root, 'lib/mcollective/agent/trouble.rb'), trouble.replace('"one"', '"two"'));
    expect(await node.call('trouble', 'version')).toMatchObject({data: {text: 'two'}});
    expect(workerPids(node)).toHaveLength(2);
    for (let count = 0; count < 3; count++) await node.call('trouble', 'version');
    expect(workerPids(node)).toHaveLength(3);
  });

  test('a description that changes takes effect, and the call that runs ends in what it began in', async () => {
    const node = await startTrouble();
    node.write(
      'lib/mcollective/agent/trouble.rb',
      trouble.replace('run("sleep 60", {})', 'sleep 4; reply[:text] = "ended"'),
    );
    await node.scan();
    const running = node.call('trouble', 'slow', {text: join(node.root, 'pid')});
    await expect.poll(() => existsSync(join(node.root, 'pid')), {timeout: 10_000}).toBe(true);
    node.write('lib/mcollective/agent/trouble.ddl', troubleDdl.replace('1.0.0', '2.0.0'));
    await node.scan();
    expect(node.registry.get('trouble')?.metadata.version).toBe('2.0.0');
    expect(await running).toMatchObject({statuscode: 0, data: {text: 'ended'}});
  });

  test('a worker that is killed is started again', async () => {
    const node = await startTrouble();
    await node.call('trouble', 'version');
    process.kill(Number(workerPids(node)[0]), 'SIGKILL');
    // The call after may still find the dead one, and then says so.
    await expect.poll(async () => (await node.call('trouble', 'version'))?.statuscode).toBe(0);
    expect(workerPids(node)).toHaveLength(2);
  });

  test('where no worker can be used the shim answers', async () => {
    const node = await startTrouble();
    // A shim that is a program of another kind is somebody's own.
    const own = '#!/bin/sh\necho \'{"statuscode":0,"statusmsg":"OK","data":{"text":"own"}}\'\n';
    node.write('own.sh', own, 0o755);
    const other = await startTrouble({
      'plugin.choria.agent_provider.mcorpc.agent_shim': join(node.root, 'own.sh'),
    });
    expect(await other.call('trouble', 'version')).toMatchObject({data: {text: 'own'}});
    expect(workerPids(other)).toHaveLength(0);

    // An agent whose file does not load: the shim says so in its own words.
    writeFileSync(join(node.root, 'lib/mcollective/agent/trouble.rb'), 'raise "broken"\n');
    expect(await node.call('trouble', 'version')).toMatchObject({
      statuscode: 1,
      statusmsg: expect.stringContaining('failed to invoke the action: broken'),
    });
  });

  test('fault 80: files that are missing, empty, half written, pipes or links leave the others served', async () => {
    const node = await startTrouble();
    const agents = join(node.root, 'lib/mcollective/agent');
    node.write('lib/mcollective/agent/half.ddl', troubleDdl.slice(0, 200));
    node.write('lib/mcollective/agent/half.rb', trouble);
    node.write('lib/mcollective/agent/empty.json', '');
    node.write('lib/mcollective/agent/empty.rb', '');
    node.write('lib/mcollective/agent/huge.json', ' '.repeat(3 * 1024 * 1024));
    node.write('lib/mcollective/agent/huge.rb', '');
    rmSync(join(agents, 'service.rb'));
    utimesSync(agents, 0, 0);
    await node.scan();
    expect(node.registry.names()).toEqual(['package', 'puppet', 'trouble']);
    expect(await node.call('trouble', 'version')).toMatchObject({statuscode: 0});
    const log = JSON.stringify(node.logger.lines);
    for (const name of ['half.ddl', 'empty.json', 'huge.json']) expect(log).toContain(name);
  });
});
