/** The files of a new agent: its definition, tests that pass, and what clients need. Pure; written by `choria plugin generate agent`. */
import {AgentsError} from './errors.ts';

export interface ScaffoldOptions {
  readonly name: string;
  readonly description: string;
  readonly author: string;
  /** TypeScript, for Node 22.18 and later or to be built; JavaScript with checked types otherwise. */
  readonly language: 'javascript' | 'typescript';
  /** Of this program. */
  readonly choriaVersion: string;
}

/**
 * @returns text by file name
 * @throws {AgentsError} `ERR_AGENT_EXECUTABLE` when the name cannot be one of an agent
 */
export function scaffoldAgent(options: ScaffoldOptions): Readonly<Record<string, string>> {
  const {name, language} = options;
  if (!/^[a-z][a-z0-9_]{0,127}$/.test(name)) {
    throw new AgentsError(
      'ERR_AGENT_EXECUTABLE',
      `Cannot make an agent named ${JSON.stringify(name)}: expected lower case letters, digits and "_", a letter first`,
    );
  }
  const ending = language === 'typescript' ? 'ts' : 'mjs';
  return {
    [`index.${ending}`]: definition(options),
    [`index.test.${ending}`]: tests(options, ending),
    [`ddl.${ending}`]: describe(ending),
    'package.json': manifest(options, ending),
    ...(language === 'typescript' ? {'tsconfig.json': compiler} : {}),
    'README.md': guide(options, ending),
  };
}

function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', ' ')}'`;
}

function definition({name, description, author, language}: ScaffoldOptions): string {
  return `${language === 'javascript' ? '// @ts-check\n' : ''}/** What the agent can do. Types of inputs and outputs, checks, help and the description for clients all come from here. */
import {ActionFailure, defineAction, defineAgent} from 'choria/agent';

export default defineAgent({
  name: '${name}',
  description: ${text(description)},
  author: ${text(author)},
  license: 'Apache-2.0',
  version: '0.1.0',
  url: 'https://example.net',
  timeoutSeconds: 10,
  actions: {
    hello: defineAction({
      description: 'Greets somebody',
      display: 'always',
      inputs: {
        who: {
          type: 'string',
          description: 'Whom to greet',
          validation: '^[A-Za-z ]+$',
          maxLengthBytes: 40,
          default: 'world',
        },
      },
      outputs: {
        greeting: {type: 'string', description: 'What was said', displayAs: 'Greeting'},
        node: {type: 'string', description: 'Who said it', displayAs: 'Node'},
      },
      aggregates: [{function: 'summary', args: ['greeting']}],
      run: async ({who}, {node}) => {
        // A failure that the caller is told, with a status code; anything else that is thrown is code 5.
        if (who === 'nobody') throw new ActionFailure('Cannot greet nobody');
        node.logger.info(\`Greeting \${who}\`);
        return {greeting: \`Hello \${who}\`, node: node.identity};
      },
    }),
  },
});
`;
}

function tests({name}: ScaffoldOptions, ending: string): string {
  return `/** Run with \`npm test\`. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {callAction} from 'choria/agent';
import agent from './index.${ending}';

test('${name} greets', async () => {
  const reply = await callAction(agent, {
    action: 'hello',
    data: {who: 'operators'},
    node: {identity: 'web1.example.net'},
  });
  assert.deepEqual(reply, {
    statusCode: 0,
    statusMessage: 'OK',
    data: {greeting: 'Hello operators', node: 'web1.example.net'},
  });
});

test('${name} greets nobody', async () => {
  const reply = await callAction(agent, {action: 'hello', data: {who: 'nobody'}});
  assert.equal(reply?.statusCode, 1);
  assert.equal(reply?.statusMessage, 'Cannot greet nobody');
});

test('${name} refuses what its inputs do not allow', async () => {
  const reply = await callAction(agent, {action: 'hello', data: {who: '$(reboot)'}});
  assert.equal(reply?.statusCode, 4);
});
`;
}

function describe(ending: string): string {
  return `/** Writes the description that clients need: \`npm run --silent ddl > LIBDIR/mcollective/agent/NAME.json\`. */
import {agentDdlJson} from 'choria/agent';
import agent from './index.${ending}';

process.stdout.write(agentDdlJson(agent));
`;
}

function manifest({name, description, choriaVersion, language}: ScaffoldOptions, ending: string): string {
  const document = {
    name: `choria-agent-${name.replaceAll('_', '-')}`,
    version: '0.1.0',
    description,
    private: true,
    type: 'module',
    scripts: {
      test: `node --test index.test.${ending}`,
      ddl: `node ddl.${ending}`,
      ...(language === 'typescript' ? {build: 'tsc'} : {}),
    },
    dependencies: {choria: `^${choriaVersion}`},
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const compiler = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'ES2023',
      module: 'NodeNext',
      strict: true,
      outDir: 'dist',
      rewriteRelativeImportExtensions: true,
      erasableSyntaxOnly: true,
      types: ['node'],
    },
    include: ['*.ts'],
  },
  null,
  2,
)}\n`;

function guide({name, language}: ScaffoldOptions, ending: string): string {
  const build =
    language === 'typescript'
      ? '\nNode before 22.18 does not run TypeScript: there, `npm run build` and install `dist` under the name of the agent.\n'
      : '';
  return `# The agent ${name}

| file | what it is |
| --- | --- |
| \`index.${ending}\` | the agent |
| \`index.test.${ending}\` | its tests: \`npm install\`, then \`npm test\` |
| \`ddl.${ending}\` | prints the description that clients need |

To install it on a server, put this folder, under the name \`${name}\`, into a directory that the server's configuration names:

\`\`\`
plugin.choria.server.agents = /etc/choria/agents
\`\`\`

The server loads it without a restart, and again after each change: calls that run end in the code they began in. A version that cannot be
loaded leaves the one before in its place, and the log says why.
${build}
For clients, \`npm run --silent ddl > LIBDIR/mcollective/agent/${name}.json\`. Then:

\`\`\`
choria plugin doc ${name}
choria req ${name} hello who=operators
choria plugin generate client LIBDIR/mcollective/agent/${name}.json DIRECTORY
\`\`\`
`;
}
