/**
 * Stand-ins for the programs of the captured nodes: the recording agent that the vectors describe, and a Ruby shim.
 *
 * They do by action what the vectors' `agent_did` says, and write down how they were called.
 */

/** What each action of the recording agent writes; data as the vectors' notes tell. */
const replies: Readonly<Record<string, string>> = {
  badjson: '{not json',
  noreply: '',
  exitcode: '{"statuscode":0,"statusmsg":"OK","data":{}}',
  slow: '{"statuscode":0,"statusmsg":"OK","data":{}}',
  failstatus: '{"statuscode":1,"statusmsg":"custom fail","data":{"msg":"partial"}}',
  missing: '{"statuscode":3,"statusmsg":"need more","data":{}}',
  invalid: '{"statuscode":4,"statusmsg":"bad stuff","data":{}}',
  unknown: '{"statuscode":5,"statusmsg":"other","data":{}}',
  status9: '{"statuscode":9,"statusmsg":"nine","data":{}}',
  status300: '{"statuscode":300,"statusmsg":"three hundred","data":{}}',
  statusneg: '{"statuscode":-1,"statusmsg":"negative","data":{}}',
  statusstr: '{"statuscode":"1","statusmsg":"str","data":{}}',
  listdata: '{"statuscode":0,"statusmsg":"OK","data":[1,2]}',
  strdata: '{"statuscode":0,"statusmsg":"OK","data":"hello"}',
  nodata: '{"statuscode":0,"statusmsg":"OK"}',
  nulldata: '{"statuscode":0,"statusmsg":"OK","data":null}',
  nostatus: '{"data":{"msg":"x"}}',
  emptyobj: '{}',
  extra: '{"statuscode":0,"statusmsg":"fine","data":{"msg":"x","undeclared":[1,{"a":2}]},"action":"other","more":1}',
  noisy: '{"statuscode":0,"statusmsg":"OK","data":{}}',
  bigline: '{"statuscode":0,"statusmsg":"OK","data":{}}',
  selfkill: '{"statuscode":0,"statusmsg":"OK","data":{}}',
  badtype: '{"statuscode":0,"statusmsg":"OK","data":{"msg":42,"num":"notanumber"}}',
  bom: '\uFEFF{"statuscode":0,"statusmsg":"OK","data":{}}',
  trailing: '{"statuscode":0,"statusmsg":"OK","data":{}} trailing',
};

/** A program that records how it was called into `recordPath`, then does what the action is named for. */
export function recordingAgent(options: {
  readonly recordPath: string;
  /** Replies told by the vectors, which win over the ones known here. */
  readonly told: Readonly<Record<string, string>>;
}): string {
  return `#!${process.execPath}
const fs = require('node:fs');
const replies = ${JSON.stringify({...replies, ...options.told})};
const [requestPath, replyPath] = process.argv.slice(2);
const requestText = fs.readFileSync(requestPath, 'utf8');
const request = JSON.parse(requestText);
const mode = (name) => '0o' + (fs.statSync(process.env[name]).mode & 0o777).toString(8);
const files = {};
for (const name of ['CHORIA_EXTERNAL_REQUEST', 'CHORIA_EXTERNAL_REPLY', 'CHORIA_EXTERNAL_FACTS']) files[name] = mode(name);
const stdin = fs.fstatSync(0);
const nullDevice = fs.statSync('/dev/null');
fs.writeFileSync(${JSON.stringify(options.recordPath)}, JSON.stringify({
  argv: [process.argv[1], ...process.argv.slice(2)],
  env: {...process.env},
  cwd: process.cwd(),
  stdin_is_dev_null: stdin.rdev === nullDevice.rdev && stdin.isCharacterDevice(),
  request: requestText,
  reply_before: fs.readFileSync(replyPath, 'utf8'),
  facts: fs.readFileSync(process.env.CHORIA_EXTERNAL_FACTS, 'utf8'),
  files,
}));
const finish = () => {
  if (process.env.CHORIA_EXTERNAL_PROTOCOL.includes('activation')) return fs.writeFileSync(replyPath, '{"activate":true}');
  const {action, data} = request;
  if (action === 'unlink') return fs.unlinkSync(replyPath);
  if (action === 'echo') {
    return fs.writeFileSync(replyPath, JSON.stringify({statuscode: 0, statusmsg: 'OK', data: {msg: data.msg}}));
  }
  if (action === 'noisy') { console.log('some output'); console.error('some error'); }
  fs.writeFileSync(replyPath, replies[action] ?? '{}');
  if (action === 'selfkill') process.kill(process.pid, 'SIGKILL');
  if (action === 'exitcode') process.exitCode = 3;
};
if (request.action === 'slow') setTimeout(finish, 10000);
else finish();
`;
}

/** An agent in a directory of its own, which tells its name. */
export function namedAgent(name: string): string {
  return `#!/bin/sh
case "$CHORIA_EXTERNAL_PROTOCOL" in
*activation*) printf '{"activate":true}' > "$CHORIA_EXTERNAL_REPLY" ;;
*) printf '{"statuscode":0,"statusmsg":"OK","data":{"from":"${name}"}}' > "$CHORIA_EXTERNAL_REPLY" ;;
esac
`;
}

/** Records its arguments and standard input, then answers as the captured shim did. */
export function recordingShim(recordPath: string): string {
  return `#!${process.execPath}
const fs = require('node:fs');
const stdin = fs.readFileSync(0, 'utf8');
fs.writeFileSync(${JSON.stringify(recordPath)}, JSON.stringify({argv: process.argv.slice(1), stdin, variables: Object.keys(process.env)}));
const {action} = JSON.parse(stdin);
const reply = JSON.stringify({statuscode: 0, statusmsg: 'OK', data: {x: 'from ruby'}});
const after = () => {
  if (action === 'bad') console.log('this is not json');
  else if (action === 'two') console.log(reply + '\\n' + JSON.stringify({statuscode: 1, statusmsg: 'second', data: {}}));
  else if (action !== 'empty') console.log(reply);
  if (action === 'stderr') console.error('from stderr');
  if (action === 'exit3') process.exitCode = 3;
};
if (action === 'slow') setTimeout(after, 10000);
else after();
`;
}
