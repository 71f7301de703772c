/** The requests of the demo, and what must come of each. Other fleets are tried with them too. */

export interface DemoScene {
  readonly title: string;
  readonly args: readonly string[];
  /** Undefined when it went as it should, else what was wrong. */
  readonly check: (outcome: CommandOutcome) => string | undefined;
}

export interface CommandOutcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param nodes  how many nodes the fleet has; among them web1, web2 and db1 of `domain`, with the facts of `realNodes` */
export function demoScenes(nodes: number, domain = 'example.net'): readonly DemoScene[] {
  const well = (outcome: CommandOutcome): string | undefined =>
    outcome.exitCode === 0 ? undefined : `exit code ${outcome.exitCode}`;
  const contains =
    (...wanted: readonly string[]) =>
    (outcome: CommandOutcome): string | undefined =>
      well(outcome) ?? wanted.filter((text) => !outcome.stdout.includes(text)).map((text) => `"${text}" is missing`)[0];
  return [
    {title: 'Who is there?', args: ['ping', '--expect', String(nodes)], check: contains('ping statistics')},
    {
      title: 'Which nodes of the web role are in Germany?',
      args: ['find', '-W', 'country=de role=web'],
      check: contains(`web2.${domain}`),
    },
    {title: 'Where are the nodes?', args: ['facts', 'country'], check: contains('mt', 'de')},
    {
      title: 'What is known of one node?',
      args: ['inventory', `db1.${domain}`],
      check: contains(`db1.${domain}`, 'postgresql'),
    },
    {
      title: 'A request to every node, with a summary',
      args: ['req', 'rpcutil', 'get_fact', 'fact=country', '--np', '--display', 'failed'],
      check: contains(`Finished processing ${nodes} / ${nodes} hosts`, 'Summary of'),
    },
  ];
}
