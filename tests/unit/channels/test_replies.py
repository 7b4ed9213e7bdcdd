"""What replies mean, in five languages, and what they must not be taken for."""

from channels.outcome import Intent
from channels.replies import read_intent

STOP = [
    *("STOP", "stop", " Stop. ", "STOP!!!", "Stop please", "unsubscribe", "END", "Opt-out", "stop stop"),
    *("Stop texting me", "Please do not contact me again.", "No more messages, thank you"),
    *("PARAR", "Sair", "cancelar, por favor", "Não quero receber mais mensagens", "SAIR obrigado"),
    *("BAJA", "¡Baja!", "Alto", "Darme de baja", "detener, gracias", "No me escriban más, por favor"),
    *(
        "STOP SMS",
        "stop it",
        "Don't contact me anymore",
        "I revoke my consent",
        "Cease all contact",
        "No more SMS",
    ),
    *("Não quero mais mensagens", "Não me contactem mais", "deixem de me contactar", "Quero sair da lista"),
    *("No quiero más mensajes", "no me contacten más", "dejen de enviarme mensajes", "quiero darme de baja"),
    *("Arrêtez !", "Désabonnement", "merci de ne plus me contacter", "Je ne souhaite plus recevoir de SMS"),
    *("ARRÊT", "arret", "Arrêter svp", "Désabonner", "STOP s'il vous plaît", "désinscription merci"),
]
STOP_UNSURE = [
    "please stop texting me about this, I will stop by",
    "I already paid, leave me alone",
    "STOP. I told you, I pay on Friday",
    "Wrong number",
    "Parem de me mandar mensagem, já paguei!",
    "número errado, não conheço essa pessoa",
    "Dejen de escribirme a esta hora, pago mañana",
    "Número equivocado",
    "Arrêtez de m'envoyer des SMS, j'ai déjà payé",
    "Mauvais numéro",
    "I said I don't want these messages at work",
    "Me tire da lista, por favor, já falei com o gerente",
    "Quítenme de esa lista, ya hablé con ustedes",
    "Je vous l'ai dit, je ne veux plus de SMS le soir",
]
START = ["START", "start please", "Unstop", "VOLTAR", "Volver", "ALTA", "Reprendre svp"]
WRONG = [
    *("This is wrong", "That is not my invoice", "I don't owe you anything", "We already cancelled this"),
    *("The amount is not correct", "I never ordered this"),
    *(
        "O valor está errado",
        "Essa fatura não é minha",
        "Já cancelei esse serviço",
        "não reconheço essa cobrança",
    ),
    *("Eso está mal", "Esa factura no es mía", "Ya cancelé el servicio en marzo", "No debo nada"),
    *(
        "C'est faux",
        "Ce n'est pas à moi",
        "J'ai résilié en mars",
        "Je ne dois rien",
        "je conteste cette facture",
    ),
    "I paid, but the amount is wrong",
]
PAID = [
    *(
        "Paid",
        "I paid yesterday",
        "I've already paid this",
        "The invoice has been paid.",
        "Payment sent, thanks",
    ),
    *("I paid, did you not get it?", "We paid last week"),
    *("Já paguei", "paguei no banco ontem", "A fatura já foi paga", "Fiz o Pix agora", "segue o comprovante"),
    *("Ya pagué", "sí ya pagué la factura", "Ya está pagada", "Hice la transferencia ayer", "Ya cancelé"),
    *(
        "J'ai payé hier",
        "Nous avons déjà réglé",
        "C'est déjà payé",
        "Virement effectué ce matin",
        "Payée, merci",
    ),
]
NOT_PAID = [
    *(
        "I have not paid yet",
        "I haven't paid",
        "I will pay tomorrow",
        "It will be paid on Friday",
        "Never paid it",
    ),
    *("Can I pay at the end of the month?", "When I have paid I will tell you", "I don't think it was paid"),
    *("não paguei", "Ainda não paguei", "pago amanhã", "vou pagar na sexta", "paguei não", "já pago"),
    *("no he pagado", "Todavía no está pagada", "pago mañana", "voy a pagar el viernes"),
    *(
        "je n'ai pas payé",
        "j'ai pas encore payé",
        "Elle n'est pas payée",
        "je paierai lundi",
        "je vais payer",
    ),
]
HELP = [
    *("HELP", "info", "Who is this?", "Ajuda", "Quem é?", "Do que se trata?"),
    *("ayuda", "¿Quién es?", "aide", "Qui êtes-vous ?"),
]
OTHER = [
    *(
        "",
        "please",
        "They did not contact me about it",
        "O segundo item da lista chega amanhã",
        "Je ne souhaite plus ce service",
        "I will stop by and pay",
        "Don't cancel my order",
        "unstoppable",
        "Nothing is wrong, thanks",
    ),
    *("Can you start again in May?", "Yes", "stop start", "Vou voltar amanhã"),
    *("Vou parar aí amanhã para pagar", "deu baixa?", "Pago en alto", "J'arrête demain", "Bom dia"),
    *("não está errado", "Mañana les llamo", "Je vous rappelle demain", "👍"),
]


def test_a_reply_is_read_as_what_it_means() -> None:
    meant = {
        Intent.stop: STOP,
        Intent.stop_unsure: STOP_UNSURE,
        Intent.start: START,
        Intent.wrong: WRONG,
        Intent.paid: PAID,
        Intent.help: HELP,
        Intent.other: [*NOT_PAID, *OTHER],
    }
    read = [(text, intent, read_intent(text).intent) for intent, texts in meant.items() for text in texts]
    # All of them in one test, which names every text that is misread.
    assert [each for each in read if each[1] != each[2]] == []


def test_a_reading_says_by_which_phrase_of_which_language() -> None:
    reading = read_intent("Bom dia! A fatura já foi paga ontem.")
    assert (reading.intent, reading.language, reading.phrase) == (Intent.paid, "pt", "ja foi paga")


def test_of_a_text_longer_than_any_channel_carries_the_beginning_is_read() -> None:
    clauses = ", ".join(f"no {n} ya pague" for n in range(100_000))
    assert read_intent(f"I paid, {clauses}").intent == Intent.paid
    assert read_intent(f"{clauses}, I paid").intent == Intent.other
