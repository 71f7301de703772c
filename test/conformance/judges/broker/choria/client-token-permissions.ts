/** Who is admitted by a client token, under which name, and the lists of subjects as sets. */
import type {SubjectRules} from '../../../../../src/broker/index.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../../judge.ts';
import {decideAbout, readKeys} from './_tokens.ts';

interface Rules {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

interface TokenCase {
  readonly token: string;
  readonly accepted: boolean;
  readonly user_info?: {
    readonly user: string;
    readonly account: string;
    readonly permissions?: {readonly publish?: Rules; readonly subscribe?: Rules};
  } | null;
}

function sets(rules: Rules | SubjectRules | undefined): unknown {
  return rules === undefined ? 'all' : [[...(rules.allow ?? [])].sort(), [...(rules.deny ?? [])].sort()];
}

const judge: Judge = async ({data, vectorsDirectory}) => {
  const keys = readKeys(vectorsDirectory);
  const {cases} = data as {readonly cases: readonly TokenCase[]};
  return Promise.all(
    cases.map(async (item): Promise<CaseResult> => {
      const decision = await decideAbout(item.token, keys);
      const info = item.user_info;
      const wanted =
        item.accepted && info
          ? [info.user, info.account, sets(info.permissions?.publish), sets(info.permissions?.subscribe)]
          : item.accepted;
      const got = !decision.isAdmitted
        ? false
        : info
          ? [
              decision.user,
              decision.account,
              sets(decision.permissions?.publish),
              sets(decision.permissions?.subscribe),
            ]
          : true;
      return judgeEqual(item.token, wanted, got);
    }),
  );
};

export default judge;
