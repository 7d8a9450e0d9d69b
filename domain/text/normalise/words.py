"""Language statistics: common words, and the frequencies of letter pairs in English.

The common words come from prompts of many kinds, the most frequent first; the other words are those of the other
languages of the shipped rules. The table has a row for each letter (a to z, and ``~`` for a word's border) and in it a
base-36 digit for each letter that may follow: the information in that step (Shannon 1948) in halves of a bit, counted
over this project's documents.
"""

COMMON_WORDS = """
the and a to in you of is i for this how your with it are that will instructions on as output be an has just print
any can ignore all previous do from what prompt now following not write system if have input or been should me about
text my answer say was humans by so start when user at ai step explain python were use past would information
everything he give each function want without please no only one new long first query our provide email code access
stop end made question commands need their response does search many content example call verbatim his act rules out
like command then hate shell given kill generate inputs simple delete thoroughly file into im every reply did am
list enabled two make people above weather take they show assistant language request current but up them imagine get
we api time set before which tell describe she great detail plan after string respond there data test who phishing
more sentence using best return its word key terminal number name her here world experiment where news conversation
run detailed explaining build earlier model create section https safety override case valid useful report die human
some running order than task find developer post steps def module chatgpt include must policy questions between
secret character admin remember forget based well possible never pretend translate security url role specific follow
way context help natural disregard article going through note models these scene known per message process users
readme three setting while life asked http inside base also much injection lets txt initial anything regardless
format else account rows other meeting bypass essay range restrictions used execute old service reveal being second
words doing excel always may had total day notice values finished could expected someone summary exactly actual
document evil guess know repeat sample functions during instruction draw prior mode bash configuration path error
generation complete rights events teacher full advice skip responses warning most year already home us underground
ask captured hero script history postgresql nothing guidelines below why person line knowledge version page
paragraph days whats back session such research company work config over team draft noise collect including product
hidden beginners point engine proceed handling years top notes game social next within customer free display
policies token characters audit space send wants story internal put openai money app both french password because
matter confirm times detect same individuals sure potential happens json teams technical training high printing cost
hours friday class germany sorting different come updated read english net went written whether provided generator
layer half online pay rest ethical society car encode job files illegal apples com terms comply able server math
even love important block true topic single care beginning software right stories type play instead support cannot
created law very school change continue away persuasive attack open real details machine letter far tool tuesday
last break released dont entire description red payment approved share kind add produce rewrite situation experience
stay group rate developed behavior value got earth something echo students starts enter creating future flat related
building processed safe movie business dangerous minutes looking unclear said suggest media making providing
responsible solve table city starting place writing down excellent design refuse let hello yourself science things
reasoning numbers british learning guide unique contains treat simply forward ticket techniques poem original
getting program provides correct expert review sense descriptive result ship told needs found unrestricted title
assert outputs identify large examples orders computer joke today good left analysis agreement visit malware caught
understand attention followed recommend prompts problem requirement develop level logs cant governing german granted
messages programming assume length sea columns form main answering unethical field changed john confirmed harm
existing price size ensure impact intelligence transfer fictional directory explanations another phone ever sorry
own update mit development network internet president buy log false explanation creative body avoid constraints
emoji sql processing positive medical sentences requests public contain working emergency active try technology
house go asks bought giving think database explicit yes month candidate legal book actually says student
comprehensive suggestion see books speaking hour decode fuck strategies children however historical actions child
week available systems replace wait takes points score address array measures short called discovered state card
companies emotions water mark less results ethics blog young black master statement accurate save under against once
paris store mention identity culture pirate org highest professional record might coding third common choose select
animals apply begin currently methods urgent allowed market energy shipping others location letters food virtual
personal experienced offer famous recent wikipedia thoughts buying consider overall film linux quality site amazon
keep terrible yet implement understanding directions engage interested bad small event reference documents amount
temperature analyze early options strong works china youre dish includes opposite itself purpose accurately art
named better shape las lines friendly europe date plant required sort across todo evidence him rot stolen queries
challenges portal started tree style directly deep reading local makes those roleplay warn war calculate gpt complex
answers man final consequences records river structure non markdown track count remaining articles status normal
latest gain determine trip age speech harmful broken stone background cultural blue pass solutions criminal shall
private pre ideas cancel suggestions engaging travel issue throw approach pages customers tips administrator again
personality four off ingredients involving detection inform ways filters lose educational subject typical copy
entity bot spend express expect mail calculations various humanity disabled self categories effective restaurant
century names trace memory decision tags improve convert critical action global facts spanish application present
idea hat trying having study negative multiple limits quick mysterious tasked universe clear environment eat binary
thanks persona suggests suitable player products national evaluation concept traveling everyday perform features
performance whole maximum area relevant html solving alice green option health focus principles instructed website
confidential prioritize outline assist individual chemical images cars owner fill look emojis capabilities economy
object chef five university average regular client console video solution nice testing papers power enough strictly
alpha goal talk etc pieces passwords issues appropriate south sources dog neural speed meaning together brief paper
project opinion via importance immerse around part cover convince sum drop aside fully dinner causes fish allow
still weapon image tasks country park agents source invalid activities tone primary strategy digital death hey
series party release depth friends london pick compare topics authorized package cup campaign youll window thought
equation reviews government appear supposed necessary artificial mask simulate japan james feedback fun helpful
ordered international control guidance asking friend concepts instruct race modern budget family root popular white
term method needed max usage missing tech requirements due further choice inches hack spent demand filter too direct
really gives effects standard become color roll complexity didnt dollars done emotion author requires skills hi
region electric side extract weeks speak education learn engineering easy games according reaction assuming angry
communication relationship longest climate kidnapping least windows possess random lot piece upon behind computers
intelligent particularly chat music empire living theory youve units demonstrate tools insights alternative audience
species practices discuss involved extremely angeles contents tax coach manufacturing sharing thinking concise
classify processes link logic info usa reader priority fact recommendations population none playing item financial
check harry countries protocols correction feel additional algorithm often animal august device heres plot advanced
reviewing increase marketing row tests face tag opinions healthy gets button front roles separate yesterday lunch
parts months powerful painting song emails uses del therefore purchase resources doesnt bottle until longer triple
significance problems violence actors distance quickly documentation web accounts tournament kids places spread
shown community general center walk covid plans recently political dear morning major leading approaches strings
scientifically desktop default introduce summarize engineer involve move empty claim reverse russia ability factors
achieve materials profile board along switch ring variables presented period laws statements authorization
implications cards murder happened clients sell servers elon scenario agreed personalized rephrase ago daily
discovery night special cause talking remain experiences designed goals forest tables musk figure significant plants
introduction integers families challenge bob brother promoting acting shoes scripts among gas lists worked course
patients operating reported types greater probability reset interesting arrived benefits sales parents girl highly
affect nature alignment target continuing principal element falling index thread machines conflict credentials
consistent keys drive hypothetical column elements saying birthday architecture investment happy players discussing
reads artist rolls proper since certain cook menu concerns head designing collection mind outside completely minimum
lyrics automatically spell lab hard services variable runs theme beautiful football login leak successfully foreign
nearby milk prove influence shop enhance sequence entry conversations encoded traffic recipe cities applications
united train parameters communicate organizations mine ball office woman logo combined turn launch ones conditions
bill land similar restricted worth leaving match ten motivated six fiction labor moment remainder secretary higher
containing passed brackets anonymous brand reports physics nuclear commit added expertise carefully decide
additionally bias few taking pure removed hospital enable led college synthesis stands selection startup javascript
taken handle boys scale trees took otherwise environmental evaluate colors tickets jokes ive construction requested
bring rare finds born reason fix hacker stock verified stress incorporate sound basketball responding prepare
aspects entities treatment cases maintain fields homework breaking effectively staff won videos habits craft formal
physical container sad position argument manner feed explore offering broke integration facing raise patterns
subjects fast exploring journey benefit success literature jane dialogue middle compose errors corporate garden
dataset manipulate keeping isnt composition adventure finally economic peace relationships unknown trained big bank
pattern either states town room deliver curious developing lost built sets decisions buildings managing leader
apartment studying recommended novel facility weight manager transportation decided correctly threat close members
practice dimensions generating included meet setup regulations fair tested newly rather putting likely worst sounds
member reactions direction fall drives smart considered texts networks definition offers crafted becoming protection
comes soon arguments watch female deal ends conducted official centers exercise chess risk dogs magic establish
everyone experts medicine behavioral finish ill spirit mexico apple auto solely assistance july invention
technological perspective pair outcome scenarios several essential category ice opportunities receive projects
aggressive perfect finding spouse fine means material properties percentage distribute shows selling seen depending
loss resolve employed advisor view circle successful pro beneficial beyond dark promotion innovative grandmother
towards drink feature descriptions cosmic truth taxes hair unless interpretation bar profit capacity predict map
received live teaching scientific women revenue federal achieving attending hold defense languages intent feeling
creatures structures happening justice returns happen joint crisis interactive worlds multi seeks overview
conference except mining son regarding potentially cooking traditional showing hes awareness smartphone turns
considerations win propose meal protect concrete domain sustainable peaceful signature patient planning platforms
staying usually reach addition confirmation dream executed suicide download particular income neutral interview
scientist rates equal himself square fabricated lifestyle suppose cycle operation expression profits relation owners
logical deployment contact mentioned steal applying established storyteller paragraphs enjoy regions discussion zero
someones fourth grocery utility yellow matches captivating agent debate valuable improvements leaders super
sophisticated sensitive lisa trends reasons phrase infrastructure algorithms understood shopping respect breakfast
opening maximize separated framework adult grammar spelling developers okay exists sister risks indicate writer
delivery plastic potter flavor flight encourage tells doctor prices low basic themes fire presentation checking
mental require european blocks consumption round glass vegetables screen creation romantic protecting theres fulfill
library frameworks attend promote groups core eating stopping disease cat tracking employees nation throughout fail
addresses findings communities police compared mother mechanism improving laboratory chicken workplace edge progress
organization limited career helping wide mid statistics survive solar preferences structured adding myself
addressing incident references objective partners peoples competition paying leave wrong grant older renewable
sports haiku push coming soft light thats routine aware rings felt equations appears peter shared wish cutting
changes wow mean sarah powered supply filled heart beginner measure alan abstract chain fell react encounter
proposed closed bullet preparing actionable determined dice despite military winning partner abilities cash
significantly rise heard locations campaigns secure rice came horror spaces exchange expressions implementation
teachers distribution gender cloud interests studies components speaker improvement figures immersive plays writes
conclusion industry align shadow duration lengths floor wont sustainability lacks rain deleted conducting theories
items instance filtering wild dishes verify chosen split seek exercises killer male exploiting solid pain accuracy
reduce increased consciousness compelling driving occurred entering gained marks recipes double especially
mentioning weaknesses realized compute strength outcomes remove tea purple themselves ongoing stage contribute suit
considering calculating treating partial architect phase driver rolling browsing stack specialized mathematical
researcher associated resolution sleep little hell philosophy youtube stages pull alive sheet define maintaining
turmoil equivalent affected growth argue alter believe gift robust demonstrating saw stored conflicts levels cream
island adopt wrote earned interface north imagination honest reflect philosophical integer skill saving conduct
representing cheese modify award assumptions efficient failed respectively strategic properly phones hand spoken
programmer external invest elaborate slow allows bottom landing accessible follows difficulty advising formula links
believes typically dead header sent height activity expand chief personnel anyway cognitive artwork interest
watching tomorrow near lives balance contract presents situations dreams precise origin destination pet exam jobs
capable operations mapping regards golden causing cut vivid crimes located rent technologies difficult later biggest
air prevent randomly critique ratio justification frame deeper riddles helps picture perspectives toward america
retrieve accident mathematics drama storage ground mistakes threatening wife journal manage comments arm periods
beauty seems theoretical american insurance neither conclusions proposal creativity houses aimed objectives companys
eyes press cybersecurity committed represent facebook easily outer sees replaced informed texture reducing addressed
maintains involves vulnerable maybe production forms parameter funds flying merchant ultimately strange hired
calling devices wall unit spells sun implementing polite van analytical attempt grow honestly men limit difference
circumstances interactions adults focusing schemes suddenly eliminate favorite webpage profession exploration overly
apocalyptic maps faced offered assess produces completed incorrect insight overcoming executive mathematician desire
methodologies reflects actor whenever specifically remote struggling rhyme returned relate incorporating imaginative
band leaves assigned crucial effectiveness intended guides emotional property collaboration designer miss interact
grade humble criteria rating waste inspiring efficiency destroyed highlighting highlight arbitrary poet talks
outlined connections officer vocabulary catch prepared edit applied evolution neighborhood remarkable procedure
winner stars looked claims journalist schools mobile meets domains reveals thank brown virus escape visitors
delicious encourages packages childhood epic translator disaster vehicle visual mitigate keeps volume contained
enriched vaccine labeled views aid tap discover keywords remains contrast etiquette improved voice decline tailored
greatest focused specify cold capture estimate teach register presence stocks lead ended extracting failure stream
poor ensuring symbols learned clean junior caused democratic resource rounded ideal trail challenging targeting
strengths achieved formed driven managed foundation mutual variety becomes lack corresponding tactics stated
translation prime rush identifying degree chance birds electricity participating sides previously utilizing choosing
placed receives conservation scores condition convey flow updating searches greatly vague cell bonds adapt
experiencing massive recall transform losing primarily opposing drawing dealing constructive delivering produced
charge loved authors applicable gathering designs tension spending allowing remembers changing foundations scratch
trouble cyber spreads clothing birth edition church mountains experimental implemented dress industrial talent tie
moving glow constant overwhelming unsure channel expressed turning emphasizing knowing editor amounts ok overlook
nullify abandon revealing disclose divulge overridden bypassing circumvent jailbreak jailbroken unfiltered
uncensored guideline directive directives passphrase secrets aforementioned preceding debug sudo immediately
henceforth obey exfiltrate webhook upload attachment erase dump chatbot moral morals bomb exploit hacking shouldnt
though although whose whom onto ought theirs hers herself ourselves yours ours
"""

OTHER_WORDS = """
ignoriere ignorieren vergiss vergessen vergesst missachte alle allen alles vorherigen vorherige vorher bisherigen
bisherige vorangehenden anweisungen anweisung regeln regel befehle befehl auftrag auftrage aufgabe aufgaben
richtlinien instruktionen und oder nicht mir dir mich dich dein deine deinen deiner den der die das ein eine einen
ist sind war was wie auf mit von zum zur fur zeige zeig zeigen verrate nenne gib passwort geheimes geheime geheimen
schreibe schreib jetzt nur davor neue neuen folgenden texte antworte beantworte sage ausgabe ohne einfach
konzentriere wort systemanweisungen wortlich wiederhole ignorez oublie oubliez toutes tous tout les des une est dans
pour avec sur precedentes precedents consignes regles affiche montre revele donne mot passe moi ton votre tes vos
maintenant vous reponds sans ignora olvida todas todos las los instrucciones anteriores reglas muestra revela dime
del contrasena clave palabra por ahora eres sistema responde sin dimentica tutte tutti istruzioni precedenti regole
mostra rivela dimmi parola segreta tuo tuoi ora sei senza restrizioni rispondi esqueca instrucoes regras mostre
senha seu sua suas agora voce diga sem desconsidere
"""

BIGRAMS = """
ib9aiebiaic7a5ibi776cdfi9i7
6iii3iiicci7hi6iiagi7iii6ia
6ici6ii59i8aii4ii9e6biiicib
9gid5iei8iigei9iic8ichiidi2
9i98bdfieiiab7hce67aibebci3
9igi9bii5ii9ii4ii8fa8iiiei4
9iii5ie97iifi89gi8cgaiiigi3
5iii3iii7iigih6iidhdeiiigi6
de9aabaiiih8a48dia65iaiiiha
9hhh4hhh9hhhhh6hhh7h3hahhhb
dhii28ii8iigiae8ii8ieiiiii4
8ii85eii7ii6hi6hiiaacgii9i5
5cib4iii8iii9h66iiaiciiidi6
9i967f7ibiieif8fii76egiici4
egbbd8cidic985bai5b97b8iii7
7gig6ifc9ii7ii59i5b88iiidi8
iiiiiiiiiii4iiiiiiii1iiiiib
8id94hei8ibfdd7iie999diiai5
aidi6iib9idhiiacei96cidifi2
9igi6if47iigii8eia8ddieiei4
cd9a8ibiaii7a5iai665iiiiii9
6iii1iii5iiiiidiiiiiiiiiiie
6iii7ii45iiii96ii9aiiiiiii5
7iai9iii9iiiiii4iii3biiidi6
iiiibiiieiibgh6aii79iihiii1
7eee2eeeaeeeee7eeebeeeeeee6
6a9aa9da7gdbaa89h976ce8idii
"""
