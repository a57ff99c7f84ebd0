# What Octroi's mails say in French. See en.ftl. Before ; ! ? % and inside « » stands a narrow no-break space
# (U+202F), before : a no-break space (U+00A0).

## Numbers, amounts, dates

percent = { $number } %
money = { $number } { $currency }
tokens = { $plural ->
    [one] { $number } jeton
    [many] { $number } de jetons
   *[other] { $number } jetons
}
requests = { $plural ->
    [one] { $number } requête
    [many] { $number } de requêtes
   *[other] { $number } requêtes
}
date = { $day ->
    [1] 1er
   *[other] { $day }
} { $month ->
    [1] janvier
    [2] février
    [3] mars
    [4] avril
    [5] mai
    [6] juin
    [7] juillet
    [8] août
    [9] septembre
    [10] octobre
    [11] novembre
   *[12] décembre
} { $year }
date-and-time = { $date } à { $time } ({ $zone })

## Around every mail

colon = {"\u00A0"}:
about-account = { $subject } ({ $account })
service-mail = Vous recevez ce message en raison de votre contrat avec { $service }. Il n’est pas possible de s’en désabonner.
warning-mail = Vous recevez ce message parce que vous utilisez { $service }.
unsubscribe = Ne plus recevoir ces alertes
invitation-mail = Vous recevez ce message parce que quelqu’un a indiqué cette adresse auprès de { $service }. Si vous ne connaissez pas cette personne, ne faites rien : personne ne rejoint une équipe sans accepter.
news-mail = Vous recevez ce message parce que vous avez accepté de recevoir des nouvelles de { $service }.
unsubscribe-news = Ne plus recevoir de nouvelles
upgrade = Changer de formule
top-up = Acheter une recharge

## A limit is being used up

threshold-subject = { $meter ->
    [requests] { $percent } de vos requêtes sont utilisées
    [cost] { $percent } de votre plafond de dépenses est utilisé
   *[tokens] { $percent } de vos jetons sont utilisés
}
threshold-account = Vous avez utilisé { $used } sur les { $granted } que permettent votre formule et vos recharges pour cette période.
threshold-team = L’équipe « { $account } » a utilisé { $used } sur les { $granted } que permettent sa formule et ses recharges pour cette période.
threshold-member = Vous avez utilisé { $used } sur les { $granted } que l’équipe « { $account } » vous accorde pour cette période.
threshold-own = Vous avez utilisé { $used } sur les { $granted } qui vous sont accordés pour cette période.
threshold-reached = La limite est atteinte. Jusqu’à sa remise à zéro ou son relèvement, les appels suivants sont refusés.
threshold-overage = La limite est atteinte. L’utilisation suivante est facturée comme dépassement, dans la limite du plafond fixé.
threshold-member-reached = Votre limite est atteinte. Jusqu’à sa remise à zéro ou son relèvement, vos appels sont refusés.
threshold-plan = Formule
threshold-used = Utilisé
threshold-left = Restant
threshold-reset = Remise à zéro
threshold-reset-never = jamais
threshold-forecast = Prévision
threshold-runs-out = au rythme actuel, épuisement le { $when }
threshold-lasts = au rythme actuel, suffisant jusqu’à la remise à zéro
threshold-lasts-on = au rythme actuel, pas d’épuisement
threshold-is-out = il ne reste rien
threshold-too-early = inconnue avant une journée complète d’utilisation

## A payment failed

payment-failed-subject = Votre paiement a échoué
payment-failed-lead = Nous n’avons pas pu encaisser { $money } pour la formule « { $plan } ».
payment-failed-lead-bare = Nous n’avons pas pu encaisser { $money } pour votre abonnement.
payment-failed-next = Nous réessaierons le { $when }. Merci de vérifier votre moyen de paiement d’ici là.
payment-failed-last = Nous ne réessaierons pas de nous-mêmes. Merci de régler la facture ou de changer de moyen de paiement.
payment-failed-effect = Tant que la facture n’est pas réglée, aucun nouveau quota n’est accordé ; ce qui est déjà payé reste utilisable.
payment-failed-amount = Montant
payment-failed-plan = Formule
payment-failed-do = Vérifier le paiement

## A subscription ended

subscription-ended-subject = Votre abonnement a pris fin
subscription-ended-lead = La formule « { $plan } » a pris fin le { $when }.
subscription-ended-fallback = Votre compte continue avec la formule « { $plan } ».
subscription-ended-nothing = Les appels sont refusés tant que vous n’avez pas choisi de formule.
subscription-ended-top-ups = Ce qui reste de vos recharges est utilisable jusqu’à son expiration.
subscription-ended-do = Choisir une formule

## A top-up was paid

top-up-received-subject = Votre recharge est arrivée
top-up-received-lead = Nous avons reçu votre paiement et ajouté { $amount }.
top-up-received-pack = Recharge
top-up-received-paid = Payé
top-up-received-expires = Expiration
top-up-received-expires-never = jamais
top-up-received-left = Restant au total
top-up-received-do = Voir votre compte

## An automatic top-up failed

auto-top-up-failed-subject = Votre recharge automatique a échoué
auto-top-up-failed-lead = Nous avons tenté d’acheter { $amount } pour { $money } en votre nom, sans succès. Rien n’a été ajouté.
auto-top-up-failed-reason = { $reason ->
    [card_declined] Votre carte a été refusée.
    [insufficient_funds] La provision de la carte est insuffisante.
    [expired_card] La carte a expiré.
    [authentication_required] Votre banque vous demande de confirmer le paiement vous-même.
    [no_payment_method] Aucun moyen de paiement ne peut être débité.
   *[other] Votre banque ou le service de paiement n’a pas accepté le paiement.
}
auto-top-up-failed-off = La recharge automatique est désormais désactivée. Merci de vérifier votre moyen de paiement avant de la réactiver, ou d’acheter une recharge vous-même.
auto-top-up-cap-subject = Votre recharge automatique a atteint son plafond mensuel
auto-top-up-cap-lead = Acheter { $amount } pour { $money } en votre nom dépasserait ce que vous autorisez par mois ; rien n’a donc été acheté.
auto-top-up-cap-do = Elle reprendra au mois suivant. D’ici là, vous pouvez relever le plafond ou acheter une recharge vous-même.
auto-top-up-failed-check = Vérifier le paiement

## A team passed to somebody

new-owner-subject = Vous êtes désormais propriétaire de l’équipe
new-owner-lead = Son propriétaire a supprimé son compte, et l’équipe vous revient.
new-owner-transferred = Son propriétaire vous a transmis l’équipe et en est désormais administrateur.
new-owner-plan = La formule « { $plan } » se poursuit. Le moyen de paiement utilisé jusqu’ici appartenait à l’ancien propriétaire et a été retiré, de même que son nom, son adresse et son numéro fiscal.
new-owner-subscription = Son abonnement se poursuit. Le moyen de paiement utilisé jusqu’ici appartenait à l’ancien propriétaire et a été retiré, de même que son nom, son adresse et son numéro fiscal.
new-owner-ask = Merci d’ajouter un moyen de paiement et d’indiquer à qui adresser les factures avant la prochaine échéance.
new-owner-kept = Son abonnement se poursuit et reste payé comme avant : l’ancien propriétaire a laissé à l’équipe le moyen de paiement et l’adresse de facturation. Merci de vérifier qu’ils conviennent.
new-owner-unpaid = Rien n’est à payer pour elle actuellement.
new-owner-do = Ajouter un moyen de paiement
new-owner-see = Voir la facturation

## An invitation to a team

invitation-subject = Vous êtes invité à rejoindre une équipe
invitation-lead = { $inviter } vous invite à rejoindre l’équipe « { $account } ».
invitation-lead-bare = Vous êtes invité à rejoindre l’équipe « { $account } ».
invitation-role = { $role ->
    [admin] En tant qu’administrateur, vous utilisez la formule de l’équipe, voyez ce que tous ses membres consomment et gérez les membres et la facturation.
   *[member] En tant que membre, vous utilisez la formule de l’équipe. Son propriétaire et ses administrateurs voient votre adresse et ce que vous en consommez.
}
invitation-sign-in = Connectez-vous ou inscrivez-vous avec l’adresse à laquelle ce message est arrivé. Le lien ne fonctionne qu’une fois.
invitation-until = Valable jusqu’au
invitation-do = Répondre à l’invitation

## News, in the operator's words

news-do = Lire la suite

## Personal data were breached

breach-subject = Vos données personnelles sont concernées par un incident de sécurité
breach-lead = Le { $when }, nous avons eu connaissance d’un incident de sécurité qui concerne des données personnelles vous appartenant. La loi nous demande de vous en informer, et nous tenons à ce que vous le sachiez.
breach-consequences = Ce que cela peut signifier pour vous{"\u00A0"}: { $text }
breach-measures = Ce que nous avons fait{"\u00A0"}: { $text }
breach-advice = Ce que vous pouvez faire{"\u00A0"}: { $text }
breach-contact = Questions

## The page behind the unsubscribe link

page-title = Alertes par courriel
page-question = Ne plus recevoir les messages qui vous alertent quand une limite est bientôt épuisée ? Les messages sur les paiements et votre contrat continuent d’arriver.
page-button = Ne plus recevoir ces alertes
page-done = C’est fait. Vous ne recevrez plus d’alertes.
page-unknown = Ce lien n’est plus valable. Vous pouvez choisir ce que vous recevez dans vos réglages.
page-away = Ce n’est pas possible pour l’instant. Merci de réessayer dans quelques minutes.
page-news-title = Nouvelles par courriel
page-news-question = Retirer votre consentement aux nouvelles par courriel ? Les messages sur les paiements et votre contrat continuent d’arriver.
page-news-button = Ne plus recevoir de nouvelles
page-news-done = C’est fait. Vous ne recevrez plus de nouvelles.
