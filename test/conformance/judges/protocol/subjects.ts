/** Subjects from names. */
import {broadcastSubject, governorSubject, nodeSubject, serviceSubject} from '../../../../src/protocol/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';

interface Case {
  readonly collective: string;
  readonly agent: string;
  readonly identity: string;
  readonly broadcast: string;
  readonly service: string;
  readonly node: string;
  readonly governor: string;
}

const judge: Judge = async ({data}) =>
  (data as {readonly cases: readonly Case[]}).cases.map((item, index): CaseResult => {
    const {collective, agent, identity, broadcast, service, node, governor} = item;
    const made = {
      broadcast: broadcastSubject(collective, agent),
      service: serviceSubject(collective, agent),
      node: nodeSubject(collective, identity),
      governor: governorSubject(collective, agent),
    };
    return judgeEqual(`${index} ${collective} ${agent}`, {broadcast, service, node, governor}, made);
  });

export default judge;
