/** Central authentication, authorisation and auditing: login, signing for callers, the trail of it. */
export {createSignerAgent, createSignerHostProvider, signerAgentName, signerAuthorizer} from './agent.ts';
export {type AuditConnection, createFileAuditor, createSubjectAuditor, type RequestAuditor} from './audit.ts';
export {AaaError, type AaaErrorCode, aaaErrorCodes} from './errors.ts';
export {aaaLimits} from './limits.ts';
export {isPasswordOf} from './passwords.ts';
export {createRateLimit} from './rate-limit.ts';
export {type AaaService, type AaaServiceOptions, createAaaService} from './service.ts';
export {type AaaSettings, type AaaUser, parseSettings, parseUsers} from './settings.ts';
