"""Sentences that the demo's posts are made of, by theme; `{}` fields are filled in from the lists below them."""

FILLINGS = {
    "producto": [
        "tu cuenta sueldo", "la cuenta ahorro", "tu tarjeta de débito", "tu tarjeta de crédito", "el crédito vehicular",
        "tu crédito hipotecario", "el préstamo personal", "la cuenta digital", "tu depósito a plazo",
        "el seguro de salud",
    ],
    "tarjeta": ["tu tarjeta de débito", "tu tarjeta de crédito", "tu tarjeta sueldo", "tu tarjeta digital"],
    "canal": ["la app", "la banca por internet", "la web", "la banca móvil", "nuestros cajeros", "los agentes"],
    "ciudad": [
        "Lima", "Arequipa", "Trujillo", "Cusco", "Piura", "Chiclayo", "Huancayo", "Iquitos", "Tacna", "Puno", "Ica",
        "Cajamarca", "Ayacucho", "Pucallpa", "Huánuco", "Tumbes", "Moquegua", "Chimbote",
    ],
    "comercio": [
        "restaurantes", "farmacias", "supermercados", "cines", "tiendas de tecnología", "librerías", "grifos",
        "tiendas por departamento", "aerolíneas", "cafeterías",
    ],
    "porcentaje": ["10 %", "15 %", "20 %", "25 %", "30 %", "35 %", "40 %", "50 %"],
    "cliente": [
        "Rosa", "José Luis", "Milagros", "Carlos", "Yesenia", "Renzo", "Flor", "Jhon", "Patricia", "Álvaro", "Lucero",
        "Wilmer", "Fiorella", "Gustavo", "Maribel", "Edwin", "Diana", "Percy", "Karina", "Hugo",
    ],
    "usuario": [
        "rosa_lq", "jl_mendoza", "mila.cast", "carlitos_per", "yesi_ramos", "renzo77", "flor_de_lima", "jhon_tv",
        "patty_arce", "alvaro_rv", "lucerito_s", "wilmer_ch", "fio_mz", "gus_ta", "mari_beltran", "edwin_q",
    ],
    "hora": ["6 a. m.", "7 a. m.", "8 a. m.", "9 a. m.", "10 a. m.", "11 a. m.", "2 p. m.", "4 p. m.", "6 p. m."],
    "tasa": ["3,75", "4,10", "4,25", "4,50", "4,75", "5,00", "5,25", "5,50", "5,75", "6,00"],
    "variacion": ["0,1", "0,2", "0,3", "0,4", "0,5", "0,7", "0,9", "1,2", "1,6", "2,1", "2,8", "3,4"],
    "sector": ["agropecuario", "pesca", "minería", "manufactura", "construcción", "comercio", "servicios", "turismo"],
    "obra": ["un colegio", "una biblioteca", "un centro de salud", "una losa deportiva", "un comedor popular"],
    "arbol": ["500", "800", "1 200", "2 000", "3 500"],
}  # fmt: skip

THEMES: dict[str, list[str]] = {
    "promocion": [
        "Hoy tienes {porcentaje} de descuento en {comercio} pagando con {tarjeta}.",
        "¡Disfruta de {porcentaje} de descuento en {comercio} de {ciudad}!",
        "Este fin de semana ahorra {porcentaje} en {comercio}. Solo pagando desde {canal}.",
        "Tus compras en {comercio} suman el doble de puntos esta semana. ¡Aprovecha!",
        "¿Ya sabes qué vas a comprar? Tenemos {porcentaje} menos en {comercio} para ti.",
        "Sorteamos diez vales para {comercio}. Participa desde {canal} y mucha suerte.",
        "Los mejores precios en {comercio} son para quienes pagan con {tarjeta}.",
        "Últimos días: {porcentaje} de descuento en {comercio} de todo el Perú.",
    ],
    "producto": [
        "Abre {producto} desde {canal} en cinco minutos y sin papeleos.",
        "Con {producto} no pagas mantenimiento. Así de fácil.",
        "Conoce los beneficios de {producto} y elige el que va contigo.",
        "¿Sabías que puedes pedir {producto} sin salir de casa?",
        "Renovamos {canal}: menos pasos y menos espera.",
        "Ahora puedes congelar {tarjeta} desde {canal} cuando quieras.",
        "Elige la fecha de pago de {tarjeta} desde {canal}.",
        "{producto} con tasa preferencial hasta fin de mes. Consulta las condiciones.",
    ],
    "educacion": [
        "Un presupuesto sencillo: la mitad para lo necesario, un tercio para tus gustos y el resto para tu ahorro.",
        "Antes de pedir un préstamo, compara el costo efectivo anual y no solo la cuota.",
        "Ahorrar un poco cada semana es mejor que ahorrar mucho una vez al año.",
        "Paga más que el mínimo de tu tarjeta: terminarás antes y gastarás menos en intereses.",
        "¿Qué es el historial crediticio y por qué importa? Te lo contamos en este video.",
        "Charla gratuita sobre ahorro en {ciudad}, el jueves a las {hora}. Inscríbete en el enlace.",
        "Tres hábitos para llegar a fin de mes con calma. El segundo sorprende.",
        "Revisa tus gastos pequeños: juntos pesan más de lo que crees.",
    ],
    "seguridad": [
        "Nunca te pediremos tu clave por teléfono, correo ni mensaje. Si alguien lo hace, cuelga.",
        "Cuidado con los enlaces falsos: entra siempre escribiendo la dirección tú mismo.",
        "¿Recibiste un mensaje sospechoso? No respondas y avísanos desde {canal}.",
        "Alerta: circulan páginas falsas que ofrecen bonos. No dejes tus datos en ellas.",
        "Cambia tu clave con frecuencia y no la compartas con nadie.",
        "Si pierdes {tarjeta}, bloquéala al instante desde {canal}.",
    ],
    "comunidad": [
        "Gracias a nuestros voluntarios, {obra} en {ciudad} abre hoy sus puertas. ¡Qué orgullo!",
        "Plantamos {arbol} árboles cerca de {ciudad}. Gracias a todos los que ayudaron.",
        "{cliente} empezó con un puesto en {ciudad} y hoy da trabajo a doce personas. ¡Felicitaciones!",
        "Becamos a cuarenta jóvenes de {ciudad} para que estudien lo que sueñan.",
        "Celebramos el talento de {ciudad}: conoce a {cliente} y su maravillosa historia.",
        "Fuimos reconocidos como uno de los mejores lugares para trabajar. ¡Gracias, equipo!",
        "Apoyamos a las familias de {ciudad} afectadas por las lluvias. Puedes ayudar desde {canal}.",
    ],
    "informacion": [
        "Nuestra agencia de {ciudad} atiende desde las {hora} de lunes a sábado.",
        "Este feriado las agencias de {ciudad} no atienden; puedes seguir operando desde {canal}.",
        "Mañana desde las {hora} haremos un mantenimiento programado de {canal}.",
        "Nueva agencia en {ciudad}. Visítanos desde las {hora}.",
        "Publicamos nuestros resultados del trimestre. El informe está en el enlace.",
        "Estos son los documentos que necesitas para pedir {producto}.",
        "Encuentra el agente más cercano en {ciudad} desde {canal}.",
    ],
    "respuesta": [
        "@{usuario} Hola, {cliente}. Lamentamos la demora con {producto}. Escríbenos por mensaje interno, por favor.",
        "@{usuario} Hola. Sentimos mucho la mala experiencia en {ciudad}. Ya revisamos tu caso.",
        "@{usuario} Hola, {cliente}. Tu reclamo fue atendido y la solución está en tu correo. Gracias por avisarnos.",
        "@{usuario} Disculpa las molestias con {canal}. ¿Nos cuentas qué error te aparece?",
        "@{usuario} Hola. El cobro de {producto} ya fue devuelto. Gracias por tu paciencia.",
        "@{usuario} ¡Gracias por tus palabras, {cliente}! Se las haremos llegar al equipo de {ciudad}.",
        "@{usuario} Hola, {cliente}. Puedes hacerlo desde {canal}, en el menú de pagos.",
        "@{usuario} Entendemos tu molestia y no es el servicio que queremos darte. Te llamamos hoy.",
    ],
    "caida": [
        "Tenemos problemas en {canal}. Nuestro equipo trabaja para solucionarlos. Lamentamos las molestias.",
        "Sabemos que hay fallas en {canal} desde las {hora}. Pedimos disculpas por esta falla.",
        "Seguimos con intermitencia en {canal}. Lamentamos mucho la demora y los inconvenientes.",
        "Ya se restableció el servicio de {canal}. Gracias por la paciencia, y disculpas por lo ocurrido.",
        "Algunos clientes tienen errores al pagar con {tarjeta}. Es un problema nuestro y lo sentimos.",
    ],
    "cyber": [
        "¡Llegaron las ofertas! {porcentaje} de descuento en {comercio} solo por estos días.",
        "Compra en línea con {tarjeta} y ahorra {porcentaje} en {comercio}.",
        "Compra seguro: usa {tarjeta} solo en páginas que conozcas y disfruta los descuentos.",
    ],
    "madre": [
        "Para la mejor del mundo: {porcentaje} de descuento en {comercio} por su día.",
        "Gracias, mamá, por enseñarnos a ahorrar. ¡Feliz día!",
        "¿Qué consejo de mamá te ha salvado el mes? Cuéntanos en los comentarios.",
    ],
    "padre": [
        "Para papá, {porcentaje} de descuento en {comercio}. ¡Feliz día!",
        "Un abrazo a todos los papás del Perú en su día.",
    ],
    "patrias": [
        "¡Felices Fiestas Patrias, Perú! Orgullosos de crecer contigo.",
        "Celebra las fiestas en {ciudad} con {porcentaje} de descuento en {comercio}.",
        "Desde {ciudad} hasta {ciudad}, ¡viva el Perú!",
    ],
    "navidad": [
        "Que esta Navidad la mesa sea grande y la alegría, más. ¡Felices fiestas!",
        "Regala sin apuros: {porcentaje} de descuento en {comercio} pagando con {tarjeta}.",
        "Llevamos regalos a los niños de {ciudad}. Gracias a quienes lo hicieron posible.",
    ],
    "año": ["¡Feliz año nuevo! Que tus metas empiecen con un buen ahorro.", "Gracias por este año juntos, {ciudad}."],
    "escolar": [
        "Vuelta al cole: {porcentaje} de descuento en librerías con {tarjeta}.",
        "Lista de útiles, uniforme y calma: organiza los gastos del colegio con estos consejos.",
    ],
    "gratificacion": [
        "¿Qué harás con tu gratificación? Aparta primero el ahorro y después los gustos.",
        "Depositada la gratificación, revisa {producto} desde {canal} y evita las colas.",
    ],
    "criolla": ["¡Feliz Día de la Canción Criolla! ¿Cuál es tu vals favorito?"],
}

CENTRAL: dict[str, list[str]] = {
    "politica": [
        "El Directorio acordó mantener la tasa de interés de referencia en {tasa} %.",
        "El Directorio acordó reducir la tasa de interés de referencia a {tasa} %.",
        "Nota informativa: programa monetario del mes. La tasa de referencia queda en {tasa} %.",
    ],
    "cifras": [
        "La inflación del mes fue {variacion} % y se ubica dentro del rango meta.",
        "El sector {sector} creció {variacion} % en el mes.",
        "El sector {sector} cayó {variacion} % por un menor número de días laborables.",
        "Las exportaciones aumentaron {variacion} % respecto del mes anterior.",
        "Las expectativas de inflación a doce meses se mantienen en {tasa} %.",
        "El crédito al sector privado creció {variacion} % en términos anuales.",
        "Tipo de cambio interbancario al cierre: variación de {variacion} %.",
    ],
    "publicacion": [
        "Ya está disponible el Reporte de Inflación. Descárgalo en el enlace.",
        "Publicamos el resumen informativo semanal con las cifras del sector {sector}.",
        "Documento de trabajo: productividad en el sector {sector} del Perú.",
        "Síntesis económica de {ciudad}: el sector {sector} avanzó {variacion} %.",
    ],
    "cultura": [
        "Visita nuestro museo en {ciudad}: entrada libre desde las {hora}.",
        "Nueva moneda de la serie numismática, dedicada a {ciudad}. ¡Una belleza!",
        "Concurso escolar: felicitamos a {cliente}, de {ciudad}, por su excelente ensayo.",
    ],
    "seguridad": [
        "Aprende a reconocer un billete verdadero: toca, mira y gira.",
        "Cuidado con los billetes falsos: revisa el hilo de seguridad.",
    ],
}

CLOSINGS = [
    "",
    "",
    "",
    "",
    " Conoce más en nuestra web.",
    " Más detalles en el enlace.",
    " ¡Te esperamos!",
    " ¿Qué opinas?",
]
EMOJI = {
    "promocion": "🎉🛍🙌🔥", "producto": "✨📱💳👌", "educacion": "💡📊📚🐷", "seguridad": "⚠🔒👀",
    "comunidad": "💙🌱👏🙌",
    "cyber": "🔥🛒💻", "madre": "💐💖🌹", "padre": "👏💙", "patrias": "🎉🙌❤", "navidad": "🎄🎁✨", "año": "🥂🎉",
    "escolar": "📚🎒", "gratificacion": "💡💰", "criolla": "🎶🎉", "cultura": "🎨📚",
    "cifras": "📊", "publicacion": "📖",
}  # fmt: skip
TAGS = {
    "promocion": ["Descuentos", "Promo", "Beneficios"], "producto": ["BancaDigital", "FácilYRápido", "CeroPapeleos"],
    "educacion": ["EducaciónFinanciera", "Ahorro", "FinanzasPersonales"], "seguridad": ["CuidaTuClave", "NoCaigas"],
    "comunidad": ["CrecemosJuntos", "PerúEmprende", "Voluntariado"], "informacion": ["Horarios", "Agencias"],
    "caida": ["Aviso"], "respuesta": [], "politica": ["PolíticaMonetaria", "TasaDeReferencia"],
    "cifras": ["EconomíaPeruana", "Inflación"], "publicacion": ["Estadísticas", "Investigación"],
    "cultura": ["Museo", "Numismática"],
}  # fmt: skip
