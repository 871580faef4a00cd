"""The words of a policy about personal data: kinds, languages, countries."""

from __future__ import annotations

from typing import Final

OWN: Final = frozenset({"credential", "role_address"})
"""Kinds of this project: a leaked secret, and an address that belongs to a role (`support@`)."""

_ENTITIES: Final = """
aba_routing_number age au_abn au_acn au_medicare au_tfn ca_postal_code ca_sin credit_card crypto date_time de_bsnr
de_fuehrerschein de_handelsregister de_health_insurance de_id_card de_kfz de_lanr de_passport de_plz
de_social_security de_tax_id de_tax_number de_vat_id email_address es_nie es_nif es_passport fi_personal_identity_code
iban_code in_aadhaar in_gstin in_pan in_passport in_vehicle_registration in_voter ip_address it_driver_license
it_fiscal_code it_identity_card it_passport it_vat_code kr_brn kr_driver_license kr_frn kr_passport kr_rrn location
mac_address medical_biological_attribute medical_biological_structure medical_clinical_event medical_disease_disorder
medical_family_history medical_history medical_license medical_medication medical_therapeutic_procedure ng_nin
ng_vehicle_registration nrp organization person ph_passport ph_tin ph_umid phone_number pl_pesel
se_organisationsnummer se_personnummer sg_nric_fin sg_uen th_tnin tr_license_plate tr_national_id uk_driving_licence
uk_nhs uk_nino uk_passport uk_postcode uk_vehicle_registration url us_bank_number us_claim_number us_driver_license
us_health_insurance_member_id us_itin us_mbi us_npi us_passport us_prescription_number us_prior_authorization_number
us_provider_tax_id us_referral_number us_ssn uuid za_company_registration za_driver_license za_id_number
za_income_tax_number za_license_plate za_mobile_number za_passport za_telephone_number za_traffic_register_number
za_vat_number
"""
PRESIDIO: Final = frozenset(_ENTITIES.split())
"""Presidio's entity names in small letters (presidio-analyzer 2.2.366)."""

KNOWN: Final = OWN | PRESIDIO

_LANGUAGE_CODES: Final = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv
ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne
ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st
su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
LANGUAGES: Final = frozenset(_LANGUAGE_CODES.split())
"""ISO 639-1."""

_COUNTRY_CODES: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_COUNTRY_CODES.split())
"""ISO 3166-1 alpha-2."""
