"""Words that mean the opposite of each other in rules and in technical texts.

Between semicolons or line ends stand groups of words of about one meaning, with bars between them; any word of a group
is the opposite of any word of the other groups. Words stand in their base form: `opposites` takes the endings of
English verbs and plurals off. "must | may" and "all | some" are no antonyms to a linguist, but whoever changes one
into the other has changed the rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import permutations
from typing import Final

from governance.detectors.normal import characters

_TABLE: Final = """
must shall | may might can could should ; should | may might
required mandatory obligatory compulsory necessary obliged | optional voluntary discretionary unnecessary
require | waive exempt
allow permit authorize authorise let | deny forbid prohibit disallow ban refuse prevent block reject
allowed permitted authorized authorised permissible | forbidden banned barred illegal unauthorized unauthorised
allowlist whitelist safelist | denylist blacklist blocklist ; grant give issue | revoke withdraw rescind
grant | refuse deny ; approve accept confirm | reject decline refuse disapprove deny
approval acceptance consent | rejection refusal objection ; agree | disagree object ; admit | exclude
permission | prohibition ; enable activate | disable deactivate ; enabled active | disabled inactive ; on | off
true | false ; yes | no ; start begin launch commence | stop end finish halt terminate cease
started begun | stopped ended finished ; open | close shut ; opened | closed ; lock | unlock ; up | down
upper | lower ; above over | below under beneath ; over | under ; before prior | after following
earlier sooner | later ; early | late ; earliest first initial | latest last final
previous preceding former old | next subsequent following new ; past | future ; until | from since
within inside | outside beyond ; in | out ; inner internal inside | outer external outside ; internally | externally
inbound incoming ingress inward | outbound outgoing egress outward ; input | output ; sender | recipient receiver
send | receive ; buyer customer purchaser | seller vendor supplier ; buy purchase | sell ; lender | borrower
lend | borrow ; employer | employee ; landlord | tenant ; creditor | debtor ; debit | credit ; asset | liability
profit gain | loss ; income revenue | expense expenditure cost
minimum least lowest smallest min | maximum most highest largest max ; minimal | maximal
minimize minimise | maximize maximise ; increase raise grow rise | decrease reduce lower shrink fall drop
increment | decrement ; gain | lose ; more greater | less fewer lesser ; many | few ; much | little ; most | least
higher | lower ; high | low ; larger bigger greater | smaller ; large big great | small little ; longer | shorter
long | short ; wider | narrower ; wide broad | narrow ; thick | thin ; deep | shallow ; heavy | light
faster quicker | slower ; fast quick rapid | slow ; strong | weak ; stronger | weaker ; hard difficult | easy
hot warm | cold cool ; full complete whole entire | empty partial incomplete
fully completely entirely wholly | partly partially ; all every each any | none ; all every always | some sometimes
both | neither ; either | neither ; everyone everybody anyone anybody | nobody ; everything anything | nothing
always | never ; often frequently regularly | rarely seldom occasionally ; usually normally | rarely
permanent indefinite unlimited | temporary provisional limited ; permanently indefinitely | temporarily
public open | private confidential secret restricted ; publish | withhold
publicly openly | privately confidentially ; disclose reveal publish share | conceal hide withhold
show display reveal | hide ; visible | invisible hidden ; include contain | exclude omit
including inclusive | excluding exclusive except ; inclusion | exclusion
add insert append attach | remove delete detach drop ; added | removed deleted ; create | delete destroy
install | uninstall ; mount | unmount ; register enroll enrol | deregister unregister withdraw
subscribe | unsubscribe ; join enter | leave exit ; enter entry | exit
attach connect link | detach disconnect unlink ; connected online | disconnected offline ; online | offline
push upload | pull download ; import | export ; read | write ; readable | writable ; encode encrypt | decode decrypt
encryption | decryption ; encrypted | plaintext cleartext ; compress pack zip | decompress unpack unzip
load | unload ; save keep retain preserve store | discard delete destroy erase purge
retention | deletion erasure disposal ; archive | restore ; backup | restore ; commit | rollback revert
upgrade | downgrade ; promote | demote ; expand extend | shrink shorten contract ; extend prolong | shorten curtail
accelerate | delay ; synchronous | asynchronous ; sync | async ; blocking | nonblocking ; static | dynamic
mutable | immutable ; stateful | stateless ; manual | automatic ; manually | automatically ; local | remote global
physical | virtual ; shared common | dedicated exclusive separate ; single one | multiple several many
singular | plural ; same identical equal | different distinct unequal ; similar alike | different dissimilar
match agree | differ ; ascending | descending ; ascend | descend ; horizontal | vertical ; left | right
top | bottom ; front | back rear ; forward | backward reverse ; forwards | backwards ; head | tail ; parent | child
source origin | target destination ; client | server ; primary main master | secondary replica slave standby
upstream | downstream ; major | minor ; odd | even ; positive | negative ; plus | minus ; add | subtract
multiply | divide ; success succeed pass | failure fail ; successful | unsuccessful failed
successfully | unsuccessfully ; pass | fail ; valid | invalid void
correct right accurate true | incorrect wrong inaccurate false ; correctly | incorrectly wrongly
legal lawful | illegal unlawful ; legally lawfully | illegally unlawfully ; compliant | noncompliant
comply obey observe | violate breach infringe disregard ; compliance | violation breach ; guilty | innocent
safe secure | unsafe insecure dangerous ; secure | vulnerable ; safely | dangerously ; trusted | untrusted
known | unknown ; certain sure | uncertain unsure ; clear | unclear ; explicit | implicit ; explicitly | implicitly
direct | indirect ; directly | indirectly ; formal official | informal unofficial
paid payable chargeable | unpaid free ; paid | free ; free | charged ; cheap | expensive
deductible | nondeductible ; refundable | nonrefundable ; taxable | exempt
eligible entitled | ineligible disqualified ; qualified | unqualified disqualified ; available | unavailable
present | absent ; presence | absence ; attend | miss ; supported | unsupported
supported current | deprecated obsolete legacy ; stable | unstable experimental
production live | staging test development ; beta preview | stable
recommended advised encouraged preferred | discouraged ; recommend advise encourage | discourage
suitable appropriate | unsuitable inappropriate ; possible | impossible ; able | unable ; possibly | certainly
likely probable | unlikely improbable ; voluntary | involuntary compulsory ; willing | unwilling
deliberate intentional | accidental unintentional ; intentionally deliberately | accidentally unintentionally
reasonable | unreasonable ; fair | unfair ; responsible liable accountable | irresponsible ; reliable | unreliable
relevant | irrelevant ; regular | irregular ; normal usual | abnormal unusual ; normal routine | urgent emergency
urgent | routine ; adequate sufficient enough | inadequate insufficient ; sufficiently | insufficiently
exact precise | approximate ; exactly precisely | approximately about roughly ; consistent | inconsistent
dependent | independent ; related | unrelated ; relative | absolute ; reversible | irreversible
recoverable | unrecoverable irrecoverable ; revocable | irrevocable ; renew continue | cancel terminate discontinue
renewable | nonrenewable ; continue resume proceed | pause suspend stop discontinue ; temporary | permanent
suspend | reinstate resume ; hire appoint recruit | dismiss fire ; employed | unemployed ; onboard | offboard
onboarding | offboarding ; day daytime | night nighttime ; weekday workday | weekend holiday
weekdays workdays | weekends holidays ; morning | evening afternoon ; am | pm ; today | tomorrow yesterday
yesterday | tomorrow ; adult | minor child ; senior | junior ; male | female ; men | women ; man | woman
husband | wife ; mother | father ; natural | artificial ; human | machine ; wet | dry ; clean | dirty
dirty | pristine ; sick ill unwell | healthy well ; healthy | unhealthy ; alive | dead ; present | former
north | south ; east | west ; northern | southern ; eastern | western ; domestic national | foreign international
home | abroad ; urban | rural ; near close | far distant ; nearest closest | farthest furthest ; good | bad
better | worse ; best | worst ; benefit advantage | harm disadvantage drawback ; strength | weakness ; risk | safety
risky | safe ; attacker | defender ; protect | expose ; protected | unprotected exposed
sensitive personal | nonsensitive anonymous ; identified identifiable | anonymous anonymized anonymised
named | anonymous ; signed | unsigned ; verified | unverified ; confirmed | unconfirmed
approved | unapproved pending rejected ; pending | completed ; resolved fixed | unresolved ; assigned | unassigned
managed | unmanaged ; used | unused ; read | unread ; sorted ordered | unsorted unordered
structured | unstructured ; limited capped bounded | unlimited uncapped unbounded ; finite | infinite
null nil | nonnull ; empty | nonempty ; zero | nonzero ; default | custom ; original | copy ; duplicate | unique
unique | ambiguous ; hit | miss ; hot | cold ; warm | cold ; strict | lenient lax ; strictly | loosely
tight | loose ; rigid | flexible ; verbose | quiet silent ; loud | silent ; ahead | behind ; advance | retreat
rise | fall ; climb | descend ; question | answer ; request | response ; ask | answer ; win | lose ; winner | loser
won | lost ; found | lost missing ; find | lose ; remember | forget ; trust | distrust ; support | oppose
pro | contra ; help | hinder ; build | demolish ; assemble | disassemble ; merge combine unite | split separate
join | split ; concatenate | split ; group | ungroup ; wrap | unwrap ; fold collapse | unfold expand
select check | deselect uncheck ; freeze | unfreeze thaw ; block | unblock ; escape | unescape ; do | undo
redo | undo ; consume | produce ; consumer | producer ; publisher | subscriber ; reader | writer ; caller | callee
host | guest ; admin administrator owner | guest user ; privileged | unprivileged ; readonly | writable
exclusive | shared nonexclusive ; optimistic | pessimistic ; eager | lazy ; greedy | lazy
sequential serial | parallel concurrent ; sequentially serially | concurrently parallel ; linear | nonlinear
clockwise | counterclockwise anticlockwise ; < | > ; <= | >= ; \u2713 | \u2717
erlaubt gestattet zul\xe4ssig | verboten untersagt unzul\xe4ssig ; erlauben gestatten | verbieten untersagen
muss m\xfcssen | darf d\xfcrfen kann k\xf6nnen soll sollte ; d\xfcrfen | sollen ; vor vorher | nach nachher
mindestens minimal | h\xf6chstens maximal ; mindestens | maximal ; mehr | weniger ; h\xf6her | niedriger geringer
innerhalb | au\xdferhalb ; intern | extern ; immer | nie niemals selten
alle jeder jede jedes | einige manche ; aktiv aktiviert eingeschaltet | inaktiv deaktiviert ausgeschaltet
aktivieren einschalten | deaktivieren ausschalten ; \xf6ffentlich | privat vertraulich ; ja | nein
wahr richtig | falsch ; g\xfcltig | ung\xfcltig ; schriftlich | m\xfcndlich ; freiwillig optional | verpflichtend
fr\xfcher | sp\xe4ter ; erste ersten erster | letzte letzten letzter ; morgens vormittags | abends nachmittags
"""

_SHORTEST_STEM: Final = 4
_LONGEST_WORD: Final = 30
_NEGATING: Final = ("non", "dis", "un")


def _read(table: str) -> dict[str, frozenset[str]]:
    # Normal form: the words that are looked up come decomposed.
    opposite: defaultdict[str, set[str]] = defaultdict(set)
    for entry in characters(table).replace("\n", ";").split(";"):
        groups = [group.split() for group in entry.split("|")]
        for ours, others in permutations(groups, 2):
            for word in ours:
                opposite[word].update(others)
    return {word: frozenset(others) for word, others in opposite.items()}


_OPPOSITE: Final = _read(_TABLE)
PAIRS: Final = sum(map(len, _OPPOSITE.values())) // 2
"""How many pairs of opposite words the table holds."""


def are_opposite(one: str, other: str) -> bool:
    """Say whether one word means the opposite of the other, in whichever form of the verb or noun they stand.

    "un", "dis" and "non" before a word of at least four letters make its opposite, without a table.
    """
    return one != other and not opposites(one).isdisjoint(bases(other))


@lru_cache(maxsize=4096)
def opposites(word: str) -> frozenset[str]:
    """Give the base forms of all words that mean the opposite."""
    return frozenset(found for base in bases(word) for found in (*_OPPOSITE.get(base, ()), *_negated(base)))


@lru_cache(maxsize=4096)
def bases(word: str) -> frozenset[str]:
    """Give the forms that the word could have come from; the right one is among them."""
    return frozenset(_stems(word)) if len(word) <= _LONGEST_WORD else frozenset()


def _stems(word: str) -> Iterator[str]:
    yield word
    for ending in ("s", "es", "d", "ed", "ing"):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < _SHORTEST_STEM - 1:
            continue
        yield stem
        if ending in {"ed", "ing"}:
            yield stem + "e"
            if stem[-1] == stem[-2]:
                yield stem[:-1]
        if stem[-1] == "i":
            yield stem[:-1] + "y"


def _negated(base: str) -> Iterator[str]:
    for prefix in _NEGATING:
        if len(base) >= _SHORTEST_STEM:
            yield prefix + base
        if base.startswith(prefix) and len(base) >= len(prefix) + _SHORTEST_STEM:
            yield base.removeprefix(prefix)
